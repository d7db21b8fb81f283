"""What becomes of a line: code of its own, or NumPy with a reason.

A line without code of its own is replaced by its primitive's decomposition where that is declared; see
`wengert.run.llvm.fusion.decomposition`. What remains runs in NumPy, between two stretches of generated code,
on the same buffers. So a program can be run whatever primitives it holds, those too that are unknown here.
"""

from __future__ import annotations

from wengert.ir.node import Node
from wengert.ir.primitive import Kind, Primitive
from wengert.primitives.contraction import matmul
from wengert.primitives.indexing import gather, one_hot, scatter_add
from wengert.primitives.random import fold_in_primitive, random_uniform
from wengert.run.llvm.codegen.accumulators import REDUCTIONS
from wengert.run.llvm.codegen.elementwise import ELEMENTWISE
from wengert.run.llvm.fusion.kernels import Form
from wengert.run.llvm.fusion.views import is_known_movement

# Compiling takes about a millisecond a line; a longer program would be compiled for longer than it runs.
# Lines of kernels that share their code count once.
LONGEST_PROGRAM = 4000

# Primitives with a form of kernel to themselves, and the kinds of dtypes that its code is for.
OWN_FORMS: dict[Primitive, tuple[Form, str]] = {
    matmul: (Form.PRODUCT, "f"),
    gather: (Form.GATHER, "biuf"),
    scatter_add: (Form.SCATTER, "iuf"),
    one_hot: (Form.ONE_HOT, "biuf"),
    random_uniform: (Form.RANDOM, "f"),
    fold_in_primitive: (Form.FOLD_IN, "u"),
}


def form_of(node: Node) -> Form:
    """Return the form of the kernel that computes a line, which has operands."""
    return Form.NUMPY if left_to_numpy(node) is not None else _native_form(node.primitive)[0]


def is_complex(node: Node) -> bool:
    """Whether a line reads or gives complex numbers."""
    return node.type.is_complex or any(operand.type.is_complex for operand in node.inputs)


def left_to_numpy(node: Node) -> str | None:
    """Return the reason why NumPy runs a line, None where generated code does."""
    primitive = node.primitive
    if is_complex(node):
        return f"no machine code for {primitive.name} of complex numbers"
    if primitive.kind is Kind.SCAN:
        return "each element needs the one before it, so NumPy's loop is as fast"
    if primitive.kind is Kind.REGION:
        return f"NumPy lays out what moves from turn to turn of a {primitive.name}; its body is machine code"
    form, kinds = _native_form(primitive)
    if form is Form.NUMPY:
        return f"no machine code for {primitive.name}"
    if node.type.dtype.kind not in kinds:
        return f"no machine code for {primitive.name} of {node.type.dtype}"
    return None


def _native_form(primitive: Primitive) -> tuple[Form, str]:
    """Return the form of a primitive's kernels, and the kinds of dtypes that their results can have."""
    if primitive.kind is Kind.ELEMENTWISE and primitive.name in ELEMENTWISE:
        return Form.LOOPS, ELEMENTWISE[primitive.name].kinds
    if primitive.kind is Kind.REDUCTION and primitive.name in REDUCTIONS:
        return Form.LOOPS, "biuf"
    if primitive.kind is Kind.MOVEMENT and is_known_movement(primitive):
        return Form.COPY, "biuf"
    return OWN_FORMS.get(primitive, (Form.NUMPY, ""))
