"""A text that stands for a layout: two layouts share it only if the same code is generated of them."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from wengert.ir.node import INPUT, Literal, Node
from wengert.ir.program import Program
from wengert.ir.types import TensorType
from wengert.run.llvm.codegen.generators import Generators
from wengert.run.llvm.fusion.kernels import Form, Kernel, Plan


def fingerprint(layout: Any) -> str:
    """Return the text of a layout: a dataclass of kernels, memory and what else generated code depends on.

    Nodes stand in it by their number in the order in which they are met, so it is the same in every process.
    What generates the kernels is left out: it follows from the kernels and the target.
    """
    writer = _Writer()
    body = writer.text(layout)
    return "\n".join([*writer.definitions, body])


class _Writer:
    """Writes values of all kinds that layouts are made of."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self._nodes: dict[Node, int] = {}
        self._types: dict[TensorType, str] = {}
        self._kernels: dict[Kernel, int] = {}

    def text(self, value: Any) -> str:
        """Return the text of a value."""
        # The most frequent first: the layout of a long program consists of a million values.
        if isinstance(value, int):
            return repr(value)
        if isinstance(value, Node):
            return self._node(value)
        if isinstance(value, list | tuple):
            return self._all(value)
        if isinstance(value, Kernel):
            return self._kernel(value)
        if isinstance(value, Plan):
            return self._all([*value.kernels, value.outputs])
        if isinstance(value, Form):
            return value.value
        if isinstance(value, Literal):
            return value.digest.hex()
        if isinstance(value, Generators | Program):  # what a body computes is code of its own
            return ""
        if isinstance(value, dict):
            return self._all(value.items())
        if isinstance(value, frozenset):
            return self._all(sorted(self.text(one) for one in value))
        if dataclasses.is_dataclass(value):
            fields = [field.name for field in dataclasses.fields(value) if field.compare]
            return self._all(getattr(value, name) for name in fields)
        if value is None or isinstance(value, float | str | slice | np.dtype):
            return repr(value)
        raise TypeError(f"no text for a {type(value).__name__}")

    def _all(self, values: Any) -> str:
        return f"({' '.join([self.text(value) for value in values])})"

    def _node(self, node: Node) -> str:
        number = self._nodes.get(node)
        if number is None:
            number = self._nodes[node] = len(self._nodes)
            # The name of an input does not matter.
            params = "" if node.primitive is INPUT else self.text(node.params)
            type_ = self._types.get(node.type)
            if type_ is None:
                type_ = self._types[node.type] = str(node.type)
            self.definitions.append(f"{number} {node.primitive.name} {params} {type_}")
        return f"%{number}"

    def _kernel(self, kernel: Kernel) -> str:
        number = self._kernels.get(kernel)
        if number is None:
            number = self._kernels[kernel] = len(self._kernels)
            members = [(node, node.inputs) for node in kernel.members]
            fields = [kernel.form, kernel.shape, members, kernel.leaves, kernel.reductions, kernel.axes]
            fields += [kernel.stored, kernel.in_place, kernel.panels, kernel.loop]
            self.definitions.append(f"kernel {number} {self._all(fields)}")
        return f"kernel {number}"


@lru_cache(maxsize=1)
def generators_digest() -> str:
    """Return a digest of the sources of this executor, which changes whenever the generated code could."""
    digest = hashlib.blake2b(digest_size=20)
    directory = Path(__file__).parents[1]
    for path in sorted(directory.rglob("*.py")):
        digest.update(path.relative_to(directory).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
