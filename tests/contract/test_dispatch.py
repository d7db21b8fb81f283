"""Who asks a line for its primitive's name: kinds and declared traits answer everywhere else.

Rewriting rules (`transform/rules`) are identities of the primitives that they name, and are not counted.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.transform.examples import PRIMITIVES, program_of

import wengert
from wengert.explain.index.selections import _RULES
from wengert.ir.primitive import REGISTRY, Kind, Primitive
from wengert.run.llvm.codegen.accumulators import REDUCTIONS
from wengert.run.llvm.codegen.elementwise import ELEMENTWISE
from wengert.run.llvm.fusion.lowering import OWN_FORMS, left_to_numpy
from wengert.run.llvm.fusion.views import PLACES, VIEWS

PACKAGE = Path(wengert.__file__).parent
NOT_COUNTED = ("primitives", "transform/rules")
MOST = 13
DISPATCH = {
    "ir/python_idioms.py": "what has a name of its own on the board",
    "transform/guard.py": "which slopes are finite because a factor is",
    "transform/placement.py": "parts of an array, which slices read: the adjoint of a slice is a padding",
    "transform/rolling/rows.py": "how a list of values of iterations is written: slices, and a stack",
    "explain/index/selections.py": "the table of derivatives of lines that pick, shift or solve",
    "explain/index/softmax.py": "exponentials and the like: some are inverse, their quotients have names",
    "run/llvm/fusion/lowering.py": "the table of forms of kernels",
    "run/llvm/fusion/views.py": "the table of movements that are strides",
    "run/llvm/fusion/product_rewrites.py": "forms of products, which are identities of what they name",
    "run/llvm/codegen/elementwise.py": "the table of instructions",
    "run/llvm/codegen/accumulators.py": "the table of accumulators",
    "run/xla/row_axes.py": "the table of what a line is for a part of the rows of a batch",
    "io/formats/onnx_operators.py": "the table of ONNX operators",
}


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the strings that an expression is, or is a collection of."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def asked_names(source: str) -> set[str]:
    """Return the primitives whose name, or who themselves, are compared, matched or keys of a table."""
    tree = ast.parse(source)
    imported = {
        one.asname or one.name: one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wengert.primitives")
        for one in node.names
    }
    found = set()
    for node in ast.walk(tree):
        asked: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            asked = [node.value]
        elif isinstance(node, ast.Dict):
            asked = [key for key in node.keys if key is not None]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            asked = [node]
        for one in asked:
            found |= set(literals(one)) & set(REGISTRY)
            if not isinstance(node, ast.Tuple | ast.List | ast.Set):
                found |= {imported[part.id] for part in ast.walk(one) if getattr(part, "id", "") in imported}
    return found


def looks_at_primitives(source: str) -> bool:
    """Whether a file asks nodes for their primitive, so that a word in it may be a primitive's name."""
    return ".primitive" in source and any(
        isinstance(one, ast.Attribute) and one.attr == "primitive" for one in ast.walk(ast.parse(source))
    )


def dispatching() -> dict[str, set[str]]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name, source = path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8")
        if (
            not name.startswith(NOT_COUNTED)
            and looks_at_primitives(source)
            and (asked := asked_names(source))
        ):
            found[name] = asked
    return found


def test_names_of_primitives_are_asked_for_in_few_files() -> None:
    found = dispatching()
    new = {name: sorted(asked) for name, asked in found.items() if name not in DISPATCH}
    assert not new, f"ask for the kind, or declare a trait of the primitive: {new}"
    assert set(found) == set(DISPATCH), "take what no longer asks for names off the list"
    assert len(found) <= MOST


def test_the_search_sees_names_and_primitives() -> None:
    source = "from wengert.primitives.arithmetic import mul\n"
    for line in ("x.primitive.name == 'add'", "x in ('add', 'y')", "{'add': 1}", "NAMES = {'add'}"):
        assert asked_names(source + line) == {"add"}
    for line in ("x.primitive is mul", "x in (mul, y)", "{mul: 1}"):
        assert asked_names(source + line) == {"mul"}
    assert not asked_names(source + "mul(x, y) + f('add')")


@pytest.mark.parametrize(
    ("table", "kinds"),
    [
        (set(ELEMENTWISE), {Kind.ELEMENTWISE}),
        (set(REDUCTIONS), {Kind.REDUCTION}),
        ({*VIEWS, *PLACES}, {Kind.MOVEMENT}),
        ({one.name for one in OWN_FORMS}, {Kind.CONTRACTION, Kind.INDEXING, Kind.RANDOM}),
        (set(_RULES), {Kind.MOVEMENT, Kind.SCAN, Kind.INDEXING, Kind.REDUCTION, Kind.LIBRARY}),
    ],
    ids=["instructions", "accumulators", "strides", "forms", "selections"],
)
def test_tables_hold_primitives_of_their_kind(table: set[str], kinds: set[Kind]) -> None:
    assert {REGISTRY[name].kind for name in table} == kinds


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda one: one.name)
def test_machine_code_or_a_decomposition_or_a_reason(primitive: Primitive) -> None:
    *_, line = program_of(primitive, np.float64).lines
    reason = left_to_numpy(line)
    written_out = primitive.decomposition is not None or primitive.kind is Kind.SCAN
    assert reason is None or written_out or primitive.name in reason
