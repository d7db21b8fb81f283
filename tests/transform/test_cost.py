"""Value and gradient together take at most 3 times the work of the function."""

import numpy as np
import pytest
from tests.transform.examples import DIFFERENTIABLE, program_of

from wengert import nn
from wengert.ir.node import make_node
from wengert.ir.primitive import REGISTRY
from wengert.ir.program import Program
from wengert.trace.tracing import abstract, trace
from wengert.transform.gradient import gradient
from wengert.transform.simplify import simplify


def ratio(program, wrt):
    program = simplify(program)
    return simplify(gradient(program, wrt, with_value=True)).flops / program.flops


def weighted_sum(program):
    """Return Σ w·f(x): something must follow a primitive, or its adjoint is a constant."""
    (output,) = program.outputs
    if output.type.dtype.kind == "c":  # the gradient is of a real number
        output = make_node(REGISTRY["real"], [output])
    weights = program_of(REGISTRY["mul"]).inputs[0]
    if output.type is not weights.type:
        axes = tuple(range(output.type.ndim))
        return Program(
            program.inputs, [make_node(REGISTRY["sum"], [output], {"axes": axes, "keepdims": False})]
        )
    product = make_node(REGISTRY["mul"], [weights, output])
    total = make_node(REGISTRY["sum"], [product], {"axes": (0, 1), "keepdims": False})
    return Program([*program.inputs, weights], [total])


# With derivatives for two or three operands at once, some need operations that the value has no use for:
# choices and comparisons that share a tie, x**(y-1) and log x beside x**y, the count of the largest elements,
# the products of all others, which take no division, and sides that are infinite or both zero. The cofactors
# of a determinant take singular values, so that a singular matrix has them too; the second derivative of a
# Cholesky factor takes whole products and systems, not blocks; a function of a matrix is differentiated by
# one of a matrix of twice the extent, and a Bessel function by those of both orders beside it. Quotients by
# gaps are divided by them again for each of the two operands.
DEARER = {
    "pow": 3.5,
    "hypot": 3.5,
    "maximum": 3.4,
    "minimum": 3.4,
    "clip": 3.7,
    "max": 4.5,
    "min": 4.5,
    "prod": 5,
    "cumprod": 3.5,
    "det": 23,
    "cholesky_cotangent": 8,
    "sqrtm": 3.5,
    "expm": 4,
    "expm_frechet": 10,
    "over_gaps": 3.5,
    "ive": 3.1,
    "kve": 3.1,
}


@pytest.mark.parametrize("primitive", DIFFERENTIABLE, ids=lambda primitive: primitive.name)
def test_primitives(primitive):
    program = program_of(primitive)
    wrt = [place for place, node in enumerate(program.inputs) if node.type.is_float]
    found, most = ratio(weighted_sum(program), wrt), DEARER.get(primitive.name, 3)
    assert found <= most, (
        f"{found:.1f} times the work of {primitive.name}: say in DEARER why it needs that much"
    )


@pytest.mark.parametrize(
    "activation", [np.tanh, nn.sigmoid, nn.relu, nn.gelu, nn.silu, nn.softplus, nn.mish, nn.selu]
)
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_matrix_networks(activation, depth):
    def loss(X, T, *weights):
        for weight in weights:
            X = activation(X @ weight)
        return np.mean((X - T) ** 2)

    program = trace(loss, *[abstract((32, 16))] * 2, *[abstract((16, 16))] * depth)
    assert ratio(program, list(range(2, 2 + depth))) <= 3


@pytest.mark.parametrize("name", nn.LOSSES)
@pytest.mark.parametrize("labels", [False, True], ids=["shares", "labels"])
def test_losses(name, labels):
    target = abstract((8,), np.int64) if labels and name.startswith("nllm") else abstract((8, 3))
    program = trace(lambda z, t: nn.LOSSES[name](z, t), abstract((8, 3)), target)
    assert ratio(program, [0]) <= 3
