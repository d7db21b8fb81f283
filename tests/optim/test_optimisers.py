"""Optimisers over 200 steps against plain loops; traced and on arrays; dtypes, trees and options."""

import numpy as np
import pytest
from tests.optim import references

import wengert as wg
from wengert import nn, optim
from wengert.errors import ConfigurationError

STEPS = 200


def constant(rate):
    return lambda t: rate


CASES = {
    "sgd": (optim.SGD(0.05), references.sgd, {}, constant(0.05)),
    "momentum": (optim.SGD(0.05, momentum=0.9), references.sgd, {"momentum": 0.9}, constant(0.05)),
    "nesterov": (
        optim.SGD(0.05, momentum=0.8, nesterov=True, weight_decay=0.02),
        references.sgd,
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.02},
        constant(0.05),
    ),
    "sgd with a schedule": (
        optim.SGD(optim.InverseScaling(0.1)),
        references.sgd,
        {},
        lambda t: 0.1 / np.sqrt(t + 1),
    ),
    "adam": (optim.Adam(), references.adam, {}, constant(1e-3)),
    "adam with options": (
        optim.Adam(0.02, betas=(0.8, 0.95), epsilon=1e-6, weight_decay=0.1),
        references.adam,
        {"betas": (0.8, 0.95), "epsilon": 1e-6, "weight_decay": 0.1},
        constant(0.02),
    ),
    "adam with a schedule": (
        optim.Adam(lambda t: 0.1 * 0.99**t),
        references.adam,
        {},
        lambda t: 0.1 * 0.99**t,
    ),
    "adamw": (optim.AdamW(), references.adam, {"weight_decay": 0.01, "decoupled": True}, constant(1e-3)),
    "adamw with a schedule": (
        optim.AdamW(optim.Cosine(0.1, 100), weight_decay=0.3),
        references.adam,
        {"weight_decay": 0.3, "decoupled": True},
        lambda t: 0.05 * (1 + np.cos(np.pi * min(t, 100) / 100)),
    ),
    "adamw with a schedule of its decay": (
        optim.AdamW(0.1, weight_decay=optim.FlatCosine(0.3, 150)),
        references.adam,
        {
            "weight_decay": lambda t: 0.3 * np.cos(np.pi / 2 * min(max(2 * t / 150 - 1, 0), 1)) ** 2,
            "decoupled": True,
        },
        constant(0.1),
    ),
    "lamb": (optim.LAMB(), references.lamb, {}, constant(1e-3)),
    "lamb with options": (
        optim.LAMB(optim.Cosine(0.1, 100), betas=(0.8, 0.95), epsilon=1e-4, weight_decay=0.2),
        references.lamb,
        {"betas": (0.8, 0.95), "epsilon": 1e-4, "weight_decay": 0.2},
        lambda t: 0.05 * (1 + np.cos(np.pi * min(t, 100) / 100)),
    ),
    "rmsprop": (optim.RMSProp(), references.rmsprop, {}, constant(0.01)),
    "rmsprop with options": (
        optim.RMSProp(0.02, decay=0.9, epsilon=1e-6, momentum=0.5, weight_decay=0.05),
        references.rmsprop,
        {"decay": 0.9, "epsilon": 1e-6, "momentum": 0.5, "weight_decay": 0.05},
        constant(0.02),
    ),
    "muon": (optim.Muon(), references.muon, {}, constant(1e-3)),
    "muon with options": (
        optim.Muon(0.02, momentum=0.8, nesterov=False, weight_decay=0.1, iterations=3),
        references.muon,
        {"momentum": 0.8, "nesterov": False, "weight_decay": 0.1, "iterations": 3},
        constant(0.02),
    ),
}


def random_trees(rng, count, dtype=np.float64):
    return [
        {
            "layers.0.weight": rng.normal(size=(3, 2)).astype(dtype),
            "bias": (rng.normal(size=2).astype(dtype),),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", CASES)
def test_many_steps_with_equal_gradients(name, rng):
    optimiser, reference, options, rate = CASES[name]
    (start,), gradients = random_trees(rng, 1), random_trees(rng, STEPS)
    parameters, state = start, optimiser.init(start)
    for gradient in gradients:
        parameters, state = optimiser.update(parameters, gradient, state)
    assert state["step"] == STEPS
    for read in (lambda tree: tree["layers.0.weight"], lambda tree: tree["bias"][0]):
        wanted = reference(read(start), [read(gradient) for gradient in gradients], rate, **options)
        np.testing.assert_allclose(read(parameters), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_traced_step_agrees_and_keeps_the_dtype(name, dtype, rng):
    optimiser = CASES[name][0]
    start, *gradients = random_trees(rng, 6, dtype)
    step = wg.simplify(wg.trace(optimiser.update, start, gradients[0], optimiser.init(start)))
    traced = plain = (start, optimiser.init(start))
    for gradient in gradients:
        traced, plain = step(traced[0], gradient, traced[1]), optimiser.update(plain[0], gradient, plain[1])
    for mine, theirs in zip(wg_leaves(traced), wg_leaves(plain), strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.dtype in (dtype, np.int64)
        np.testing.assert_allclose(mine, theirs, rtol=1e-4 if dtype == np.float32 else 1e-12)


def wg_leaves(tree):
    from wengert.trace.tree import flatten

    return [np.asarray(leaf) for leaf in flatten(tree)[0]]


@pytest.mark.parametrize("name", CASES)
def test_nothing_given_is_written(name, rng):
    optimiser = CASES[name][0]
    start, gradient = random_trees(rng, 2)
    for leaf in [*wg_leaves(start), *wg_leaves(gradient)]:
        leaf.flags.writeable = False
    state = optimiser.init(start)
    before = [leaf.copy() for leaf in wg_leaves(state)]
    optimiser.update(start, gradient, state)
    for old, new in zip(before, wg_leaves(state), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "optimiser", [optim.SGD(0.1, momentum=0.5), optim.Adam(0.05), optim.AdamW(0.05), optim.RMSProp(0.05)]
)
def test_a_network_learns_as_a_tree(optimiser, rng):
    # Modules are trees, so an optimiser takes one as it takes a dictionary.
    x = rng.normal(size=(64, 2))
    t = np.stack([x[:, 0] * x[:, 1]], axis=1)
    net = nn.Sequential(nn.Dense(2, 16, "tanh"), nn.Dense(16, 1)).initialise(0, np.float64)

    def train(net, state):
        value, slopes = wg.value_and_grad(lambda net: nn.half_squared_error(net(x), t))(net)
        return value, *optimiser.update(net, slopes, state)

    step = wg.simplify(wg.trace(train, net, optimiser.init(net)))
    state, losses = optimiser.init(net), []
    for _ in range(300):
        value, net, state = step(net, state)
        losses.append(float(value))
    assert losses[-1] < 0.1 * losses[0]


def test_other_gradients_than_parameters_are_refused(rng):
    start, gradient = random_trees(rng, 2)
    del gradient["bias"]
    with pytest.raises(ConfigurationError, match="structure of the parameters"):
        optim.SGD(0.1).update(start, gradient, optim.SGD(0.1).init(start))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(-0.1), r"SGD: learning_rate lies in \[0, inf\), got -0.1"),
        (lambda: optim.SGD(float("nan")), "SGD: learning_rate lies in"),
        (lambda: optim.SGD("0.1"), "SGD: learning_rate lies in"),
        (lambda: optim.SGD(momentum=1), r"SGD: momentum lies in \[0, 1\), got 1"),
        (lambda: optim.SGD(nesterov=True), "nesterov needs a momentum"),
        (lambda: optim.SGD(weight_decay=-1), r"SGD: weight_decay lies in \[0, inf\)"),
        (lambda: optim.Adam(betas=(0.9, 1.0)), r"Adam: betas\[1\] lies in \[0, 1\), got 1.0"),
        (lambda: optim.AdamW(betas=(-0.1, 0.9)), r"AdamW: betas\[0\] lies in \[0, 1\)"),
        (lambda: optim.Adam(betas=0.9), "Adam: betas are two numbers"),
        (lambda: optim.Adam(epsilon=0), r"Adam: epsilon lies in \(0, inf\), got 0"),
        (lambda: optim.AdamW(float("inf")), "AdamW: learning_rate lies in"),
        (lambda: optim.RMSProp(decay=1.5), r"RMSProp: decay lies in \[0, 1\)"),
        (lambda: optim.RMSProp(epsilon=-1), r"RMSProp: epsilon lies in \(0, inf\)"),
        (lambda: optim.RMSProp(momentum=True), r"RMSProp: momentum lies in \[0, 1\)"),
        (lambda: optim.LBFGS(memory=0), "LBFGS: memory is an integer above 0"),
        (lambda: optim.LBFGS(tolerance=-1), r"LBFGS: tolerance lies in \[0, inf\)"),
        (lambda: optim.LBFGS(max_iterations=2.5), "LBFGS: max_iterations is an integer above 0"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize("rate", [1e30, 1e10])
def test_a_huge_rate_shows_as_not_finite(rate):
    # On f = w⁴/4 a huge step diverges; what comes out must not look like a result.
    optimiser, w = optim.SGD(rate), {"w": np.array([2.0], np.float32)}
    state = optimiser.init(w)
    with np.errstate(all="ignore"):
        for _ in range(10):
            w, state = optimiser.update(w, {"w": w["w"] ** 3}, state)
    assert not np.isfinite(w["w"]).any()


@pytest.mark.parametrize("name", [name for name in CASES if "weight_decay" not in CASES[name][2]])
def test_moments_without_gradient_end_at_zero_and_never_are_subnormal(name):
    optimiser = CASES[name][0]
    parameters = {"weight": np.full((2, 2), 0.5, np.float32), "bias": np.full(2, 0.5, np.float32)}
    # The largest of these moments have some steps to go to the subnormal numbers, the others few.
    gradient = {"weight": np.full((2, 2), 1e-36, np.float32), "bias": np.full(2, 1e-37, np.float32)}
    nothing = {path: 0 * leaf for path, leaf in gradient.items()}
    smallest = np.finfo(np.float32).smallest_normal
    state = optimiser.init(parameters)
    parameters, state = optimiser.update(parameters, gradient, state)
    for _ in range(200):
        parameters, state = optimiser.update(parameters, nothing, state)
        sizes = np.abs(
            np.concatenate([leaf.ravel() for leaf in wg_leaves(state) if leaf.dtype.kind == "f"] or [[]])
        )
        assert not ((sizes > 0) & (sizes < smallest)).any()
    for key in {"velocity", "mean"} & state.keys():
        assert all((leaf == 0).all() for leaf in wg_leaves(state[key]))


def test_a_parameter_of_zeros_moves_by_the_rate_itself():
    """‖w‖ = 0 has no ratio: the paper's code takes 1, else such a parameter would stay there for good."""
    lamb = optim.LAMB(0.1)
    start, gradient = np.zeros(3), np.array([1.0, -2.0, 0.0])
    moved, _ = lamb.update(start, gradient, lamb.init(start))
    np.testing.assert_allclose(moved, [-0.1, 0.1, 0.0], rtol=1e-5)
    still, _ = lamb.update(start, np.zeros(3), lamb.init(start))
    assert not still.any()
