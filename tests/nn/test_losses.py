"""Losses: values and derivatives against mpmath, reductions, stability, cost, and what they refuse."""

import functools

import mpmath
import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, DataError, DTypeError, IndexRangeError, ShapeError
from wengert.transform.gradient import gradient

mpmath.mp.dps = 60
mpf = mpmath.mpf


def softplus(z):
    return mpmath.log1p(mpmath.exp(-abs(z))) + max(z, 0)


def huber(z, t, delta=1):
    r = abs(z - t)
    return r * r / 2 if r <= delta else delta * (r - mpf(delta) / 2)


SCALAR = {
    "half_squared_error": lambda z, t: (t - z) ** 2 / 2,
    "squared_error": lambda z, t: (t - z) ** 2,
    "absolute_error": lambda z, t: abs(t - z),
    "huber": huber,
    "quantile": lambda z, t: abs(t - z) / 2,
    "poisson": lambda z, t: mpmath.exp(z) - t * z,
    "tweedie": lambda z, t: 2 * mpmath.exp(z / 2) + 2 * t * mpmath.exp(-z / 2),
    "nll": lambda p, t: -(t * mpmath.log(p) + (1 - t) * mpmath.log(1 - p)),
    "nll_from_logits": lambda z, t: softplus(z) - t * z,
    "hinge": lambda z, t: max(mpf(0), 1 - t * z),
}
POINTS = {
    "nll": ([0.03, 0.4, 0.9, 0.999], [0.0, 1.0, 1.0, 0.25]),
    "hinge": ([-2.0, 0.3, 0.9, 3.0], [1.0, 1.0, -1.0, 1.0]),
    "nll_from_logits": ([-7.0, -0.3, 0.9, 25.0], [0.0, 1.0, 0.75, 1.0]),
}
REGRESSION = ([-2.0, 0.3, 0.9, 3.5], [1.0, 0.0, 2.0, 3.0])


def points(name):
    z, t = POINTS.get(name, REGRESSION)
    return np.array(z), np.array(t)


def test_every_loss_is_tested_here():
    assert set(SCALAR) | {"nllm", "nllm_from_logits"} == set(nn.LOSSES)


@pytest.mark.parametrize("name", sorted(SCALAR))
@pytest.mark.parametrize("order", [0, 1, 2])
def test_value_and_derivatives(name, order):
    loss, (z, t) = nn.LOSSES[name], points(name)
    first = wg.grad(lambda z: loss(z, t, reduction="sum"))
    second = wg.grad(lambda z: first(z).sum())
    got = (lambda z: loss(z, t, reduction="none"), first, second)[order](z)
    step = mpf(10) ** -20
    wanted = [
        float(mpmath.diff(lambda z, t=one: SCALAR[name](z, mpf(t)), mpf(at), order, h=step))
        for at, one in zip(z, t, strict=True)
    ]
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", [nn.poisson, functools.partial(nn.tweedie, power=1.2)])
def test_expected_values_and_their_logarithms_give_one_loss(loss, rng):
    z, t = rng.normal(size=(6, 2)), rng.poisson(1.5, size=(6, 2)).astype(float)
    of_mean = functools.partial(loss, log_input=False)
    np.testing.assert_allclose(of_mean(np.exp(z), t, reduction="none"), loss(z, t, reduction="none"))
    np.testing.assert_allclose(wg.grad(lambda z: of_mean(np.exp(z), t))(z), wg.grad(loss)(z, t), rtol=1e-12)
    assert np.isfinite(of_mean(np.zeros(2), np.ones(2)))


def test_tweedie_is_half_the_deviance(rng):
    mean, t = rng.uniform(0.5, 3, size=20), rng.poisson(1.5, size=20).astype(float)
    wanted = mean_tweedie_deviance(t, mean, power=1.7) / 2
    loss = functools.partial(nn.tweedie, power=1.7)
    # At its lowest, where the prediction is the target; the loss of t = 0 has its infimum 0 there.
    known = t[t > 0]
    lowest = loss(np.log(known), known, reduction="sum") / len(t)
    assert loss(np.log(mean), t) - lowest == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("logits", [True, False])
def test_multiclass_value_gradient_and_hessian(rng, labels, logits):
    z = rng.normal(size=(3, 4))
    y = np.array([2, 0, 3])
    t = np.eye(4)[y] if labels else rng.dirichlet(np.ones(4), size=3)
    target = y if labels else t
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if logits:
        loss, x = (lambda z: nn.nllm_from_logits(z, target, reduction="sum")), z
        slope = p - t
        curvature = [np.diag(one) - np.outer(one, one) for one in p]
    else:
        loss, x = (lambda p: nn.nllm(p, target, reduction="sum")), p
        slope = -t / p
        curvature = [np.diag(a / b**2) for a, b in zip(t, p, strict=True)]
    assert loss(x) == pytest.approx(-(t * np.log(p)).sum(), rel=1e-13)
    np.testing.assert_allclose(wg.grad(loss)(x), slope, rtol=1e-12, atol=1e-14)
    hessian = wg.hessian(loss)(x)
    for row in range(3):
        np.testing.assert_allclose(hessian[row, :, row, :], curvature[row], rtol=1e-12, atol=1e-14)


def test_table_of_losses_of_the_lecture():
    # 002: derivatives of square, absolute and NLL at a prediction of 3/4 and targets 1 and 0.
    a, t = np.array([0.75, 0.75]), np.array([1.0, 0.0])

    def slope(loss):
        return wg.grad(lambda a: loss(a, t, reduction="sum"))(a)

    np.testing.assert_array_equal(slope(nn.squared_error), [-0.5, 1.5])
    np.testing.assert_array_equal(slope(nn.absolute_error), [-1, 1])
    np.testing.assert_allclose(slope(nn.nll), [-4 / 3, 4], rtol=1e-15)
    np.testing.assert_allclose(nn.nll(a, t, reduction="none"), [np.log(4 / 3), np.log(4)], rtol=1e-15)


def test_losses_are_positive_so_no_minus_sign_is_lost(rng):
    p = rng.uniform(0.01, 0.99, size=20)
    y = rng.integers(0, 2, size=20)
    assert nn.nll(p, y) > 0
    assert nn.nllm(np.stack([1 - p, p], axis=1), y) == pytest.approx(nn.nll(p, y), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [-1e4, 1e4])
@pytest.mark.parametrize("t", [0.0, 1.0])
def test_binary_cross_entropy_is_exact_at_huge_logits(dtype, z, t):
    z_, t_ = np.array([z], dtype), np.array([t], dtype)
    # σ(z) is 0 or 1 here: the loss is |z| or 0 and the slope −1, 0 or 1.
    wanted = max(z, 0) - t * z, float(z > 0) - t
    for loss in (lambda z: nn.nll(nn.sigmoid(z), t_), lambda z: nn.nll_from_logits(z, t_)):
        value, slope = wg.value_and_grad(loss)(z_)
        assert (value, slope[0]) == wanted
        assert value.dtype == slope.dtype == dtype


@pytest.mark.parametrize("target", [[0], [1], [[1.0, 0.0]], [[0.0, 1.0]]])
def test_multiclass_cross_entropy_is_exact_at_huge_logits(target):
    z, t = np.array([[1e4, 0.0]]), np.array(target)
    wrong = t[0] == 1 if t.ndim == 1 else t[0, 1] == 1
    for loss in (lambda z: nn.nllm(nn.softmax(z), t), lambda z: nn.nllm_from_logits(z, t)):
        value, slope = wg.value_and_grad(loss)(z)
        assert value == (1e4 if wrong else 0)
        np.testing.assert_array_equal(slope, [[1, -1]] if wrong else [[0, 0]])
        np.testing.assert_array_equal(wg.hessian(loss)(z).reshape(2, 2), np.zeros((2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probability_zero_is_clamped_as_documented(dtype):
    p, t = np.array([0, 1], dtype), np.array([1, 0], dtype)
    limit = -np.log(np.finfo(dtype).tiny)
    np.testing.assert_allclose(nn.nll(p, t, reduction="none"), [limit, limit], rtol=1e-6)
    np.testing.assert_array_equal(wg.grad(lambda p: nn.nll(p, t))(p), [0, 0])


def _cases():
    rng = np.random.default_rng(0)
    y, label = rng.integers(0, 2, size=(12, 3)), rng.integers(0, 5, size=12)
    for name in nn.LOSSES:
        if name.startswith("nllm"):
            p = nn.softmax(rng.normal(size=(12, 5)))
            yield pytest.param(name, p, label, id=f"{name}-labels")
            yield pytest.param(name, p, np.eye(5)[label], id=f"{name}-probabilities")
        elif name == "hinge":
            yield pytest.param(name, rng.normal(size=(12, 3)), 2.0 * y - 1, id=name)
        else:
            yield pytest.param(name, rng.uniform(0.1, 0.9, size=(12, 3)), 1.0 * y, id=name)


CASES = list(_cases())


@pytest.mark.parametrize(("name", "prediction", "target"), CASES)
def test_reductions_and_weights_agree(name, prediction, target, rng):
    loss, w = nn.LOSSES[name], rng.uniform(size=12)
    each = loss(prediction, target, reduction="none")
    assert each.shape == (12,)
    assert loss(prediction, target) == pytest.approx(each.mean(), rel=1e-14)
    assert loss(prediction, target, reduction="sum") == pytest.approx(each.sum(), rel=1e-14)
    assert loss(prediction, target, weights=w) == pytest.approx((w * each).sum() / w.sum(), rel=1e-14)
    assert loss(prediction, target, weights=w, reduction="sum") == pytest.approx((w * each).sum(), rel=1e-14)
    np.testing.assert_allclose(loss(prediction, target, weights=w, reduction="none"), w * each, rtol=1e-14)
    # A weight of 2 is the same as the row twice.
    twice = loss(np.concatenate([prediction, prediction[:1]]), np.concatenate([target, target[:1]]))
    assert loss(prediction, target, weights=[2] + [1] * 11) == pytest.approx(twice, rel=1e-13)


@pytest.mark.parametrize(("name", "prediction", "target"), CASES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradient_costs_at_most_three_times_the_loss(name, prediction, target, weighted, reduction, rng):
    weights = rng.uniform(size=12) if weighted else None
    loss = nn.LOSSES[name]
    program = wg.simplify(
        wg.trace(lambda z, t: loss(z, t, weights=weights, reduction=reduction), prediction, target)
    )
    both = wg.simplify(gradient(program, [0], with_value=True))
    assert both.flops <= 3 * program.flops


@pytest.mark.parametrize(("name", "prediction", "target"), CASES)
def test_float32_stays_and_traces_agree_with_arrays(name, prediction, target):
    loss, z = nn.LOSSES[name], prediction.astype(np.float32)
    value = loss(z, target if target.dtype.kind == "i" else target.astype(np.float32))
    assert value.dtype == np.float32
    integer = loss(z, target.astype(np.int64))  # integer targets do not widen
    assert integer.dtype == np.float32
    np.testing.assert_allclose(wg.trace(loss, z, target)(z, target), value, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(SCALAR))
def test_shapes_that_would_broadcast_are_refused(name):
    with pytest.raises(ShapeError, match=rf"{name}: the prediction has shape \(3, 1\) and the target \(3,\)"):
        nn.LOSSES[name](np.full((3, 1), 0.5), np.ones(3))


@pytest.mark.parametrize("name", ["nllm", "nllm_from_logits"])
def test_class_targets_of_the_wrong_shape_are_refused(name):
    loss, p = nn.LOSSES[name], np.full((3, 2), 0.5)
    for target in (np.array([[0], [1], [0]]), np.ones((2, 2)), np.ones(3)):
        with pytest.raises(ShapeError, match=rf"\(3, 2\).* and the target \({target.shape[0]},"):
            loss(p, target)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, -1, 1]])
def test_a_label_out_of_range_names_its_row(labels):
    row = 2 if 2 in labels else 1
    with pytest.raises(
        IndexRangeError, match=rf"labels are 0 to 1 for 2 classes, got {labels[row]} at row {row}"
    ):
        nn.nllm(np.full((3, 2), 0.5), np.array(labels))
    with pytest.raises(IndexRangeError, match=rf"at row {row}"):
        wg.grad(lambda p: nn.nllm(p, np.array(labels)))(np.full((3, 2), 0.5))


def test_targets_outside_their_range_name_the_row():
    half = np.full((2, 2), 0.5)
    with pytest.raises(IndexRangeError, match=r"nll: targets lie in \[0, 1\], got 2 at row 1, column 0"):
        nn.nll(half, np.array([[0, 1], [2, 1]]))
    with pytest.raises(IndexRangeError, match="hinge: targets are -1 and 1, got 0 at row 0"):
        nn.hinge(np.zeros(2), np.array([0, 1]))
    with pytest.raises(IndexRangeError, match="poisson: counts are 0 or more, got -3 at row 1"):
        nn.poisson(np.zeros(2), np.array([0, -3]))
    with pytest.raises(IndexRangeError, match="tweedie: amounts are 0 or more, got -3 at row 1"):
        nn.tweedie(np.zeros(2), np.array([0, -3]))


def test_weights_and_options_that_make_no_sense_are_refused():
    z, t = np.zeros(3), np.zeros(3)
    with pytest.raises(DataError, match="weights are 0 or more, got -1 at row 1"):
        nn.squared_error(z, t, weights=np.array([1.0, -1.0, 1.0]))
    with pytest.raises(DataError, match="all weights are zero"):
        nn.squared_error(z, t, weights=np.zeros(3))
    with pytest.raises(ShapeError, match=r"weights of shape \(3, 1\) for \(3,\) examples"):
        nn.squared_error(z, t, weights=np.ones((3, 1)))
    with pytest.raises(ConfigurationError, match="unknown reduction 'average'"):
        nn.squared_error(z, t, reduction="average")
    with pytest.raises(ConfigurationError, match=r"huber: delta lies in \(0, inf\), got 0"):
        nn.huber(z, t, delta=0)
    with pytest.raises(ConfigurationError, match=r"tweedie: power lies in \(1, 2\), got 1"):
        nn.tweedie(z, t, power=1)
    with pytest.raises(DTypeError, match="floating dtype, not complex128"):
        nn.squared_error(z * 1j, t)


def test_quantile_weighs_what_is_too_low_against_what_is_too_high():
    z, t = np.array([1.0, 1.0, 2.0]), np.array([3.0, 0.0, 2.0])
    losses = nn.quantile(z, t, quantile=0.9, reduction="none")
    np.testing.assert_allclose(losses, [0.9 * 2, 0.1 * 1, 0])
    slopes = wg.grad(lambda z: nn.quantile(z, t, quantile=0.9, reduction="sum"))(z)
    np.testing.assert_allclose(slopes, [-0.9, 0.1, -0.4])
    with pytest.raises(ConfigurationError, match=r"quantile: quantile lies in \(0, 1\), got 1"):
        nn.quantile(z, t, quantile=1)


def test_a_loss_traced_from_types_alone_asks_for_no_values():
    program = wg.trace(nn.nllm_from_logits, wg.abstract((4, 3)), wg.abstract((4,), np.int64))
    z, y = np.zeros((4, 3)), np.array([0, 1, 2, 0])
    assert program(z, y) == pytest.approx(np.log(3))


def test_integer_predictions_and_lists_become_floating():
    assert nn.squared_error([1, 2], [3, 2]) == 2
    assert nn.squared_error(np.array([1, 2]), np.array([3, 2]), weights=[3, 1]) == 3


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_label_smoothing_moves_the_target_towards_equal_shares(rng, smoothing):
    z, labels, weights = rng.normal(size=(6, 4)), rng.integers(0, 4, 6), rng.uniform(size=6)
    softened = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
    wanted = nn.nllm_from_logits(z, softened, weights=weights)
    for target in (labels, np.eye(4)[labels]):
        got = nn.nllm_from_logits(z, target, label_smoothing=smoothing, weights=weights)
        assert got == pytest.approx(wanted, rel=1e-13)
    binary = (labels > 1).astype(float)
    wanted = nn.nll_from_logits(z[:, 0], (1 - smoothing) * binary + smoothing / 2)
    assert nn.nll_from_logits(z[:, 0], binary, label_smoothing=smoothing) == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("loss", [nn.nllm_from_logits, nn.nll_from_logits])
def test_label_smoothing_out_of_range(loss):
    with pytest.raises(ConfigurationError, match=r"label_smoothing lies in \[0, 1\)"):
        loss(np.zeros((2, 3)), np.zeros((2, 3)), label_smoothing=1.0)
