"""How a program is run, for those who look into it: methods of `Program` that a layer above provides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wengert.errors import WengertError

if TYPE_CHECKING:
    from wengert.ir.program import Program


class Inspector(Protocol):
    """What shows how a program is run."""

    def llvm(self, program: Program) -> str:
        """Return the generated code; see `Program.llvm`."""
        ...

    def kernels(self, program: Program, arguments: Sequence[Any] | None, profile: bool) -> list[Any]:
        """Return the kernels; see `Program.kernels`."""
        ...


_load: list[Callable[[], Inspector]] = []


def provide_inspector(load: Callable[[], Inspector]) -> None:
    """Have `load` give the inspector when it is first needed; `import wengert` does this."""
    _load[:] = [load]


def inspector() -> Inspector:
    """Return the inspector."""
    if not _load:
        raise WengertError("nothing shows how a program is run: `import wengert` provides it")
    return _load[0]()
