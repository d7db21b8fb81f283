"""Each mistake is named for what it is, however the claim is written."""

import numpy as np
import pytest
from tests.explain.claim_programs import EXERCISES

import wengert as wg

BY_NAME = {exercise.function.__name__: exercise for exercise in EXERCISES}
MISTAKES = [
    # function, value, claim, what is said
    ("sigmoid_network", "w2", "(y - t) * z1", "the derivative of y = sigmoid(a2) is missing"),
    ("sigmoid_network", "W1", "outer((y - t) * w2 * z1 * (1 - z1), x)", "the derivative of y = sigmoid(a2) is missing"),
    ("sigmoid_network", "W1", "outer((y - t) * y * (1 - y) * w2, x)", "the derivative of z1 = sigmoid(a1) is missing"),
    ("sigmoid_network", "W1", "outer((y - t) * y * (1 - y) * z1 * (1 - z1), x)", "the factor w2 is missing"),
    ("sigmoid_network", "W1", "(y - t) * y * (1 - y) * w2 * z1 * (1 - z1)", "gradient of b1 and of a1, not of W1: the factor x"),
    ("sigmoid_network", "W1", "outer((y - t) * y * (1 - y) * w2 * a1 * (1 - a1), x)", "a1 * (1 - a1) should be the derivative"),
    ("sigmoid_network", "b1", "(y - t) * y * (1 - y) * w2", "it is the gradient of z1, not of b1: the derivative of z1"),
    ("written_out_neuron", "w", "2 * (a - t) * x", "the derivative of a = sigmoid(w @ x) is missing"),
    ("rows", "W", "a.T @ (2 * (e - y) * (1 - c**2))", "the factor V is missing"),
    ("rows", "W", "a.T @ (2 * (e - y) @ V.T * (1 - b**2))", "1 - b ** 2 should be the derivative of c = tanh(b)"),
    ("rows", "W", "2 * (e - y)", "it is the gradient of e, not of W"),
    ("ridge", "w", "2 * X.T @ (z - t) / len(t)", "the term lam * sum(w ** 2) of L is left out"),
    ("ridge", "w", "2 * lam * w", "of L is left out"),
    ("ridge", "w", "2 * X.T @ (z - t) / len(t) + lam * w", "the term lam * w needs the factor 2"),
    ("ridge", "w", "2 * X.T @ (z - t) + 2 * lam * w", "the factor 1/N of a mean is missing (N = 6, axis 0 of X)"),
    ("lasso", "w", "2 * X.T @ (z - t)", "the term lam * sum(abs(w)) of L is left out; lam * sign(w)"),
    ("hinge", "w", "-X.T @ (y * (y * f > 1)) / 6 + lam * w", "the comparison is the wrong way round"),
    ("hinge", "w", "-X.T @ (y * (y * f < 1)) / 6", "the term lam * sum(w ** 2) / 2 of L is left out"),
    ("quadratic", "x", "2 * A @ x + c", "right for symmetric A only: 2 * A should be A + A.T"),
    ("quadratic", "x", "2 * x @ A + c", "right for symmetric A only: 2 * A should be A + A.T"),
    ("quadratic", "x", "A @ x + c", "a term is missing: A should be A + A.T"),
    ("quadratic", "x", "(A + A.T) @ x", "the term c @ x of L is left out"),
    ("gaussian", "s", "-sum(d**2) / s**3", "the term log(s) of L is left out"),
    ("brier", "z", "2 * (p - y) * p * (1 - p)", "only the diagonal of the Jacobian of p = softmax(z)"),
    ("brier", "z", "2 * diag(p * (1 - p)) @ (p - y)", "only the diagonal of the Jacobian of p = softmax(z)"),
    ("brier", "z", "2 * diag(p) @ (p - y)", "only the diagonal diag(p) of the Jacobian"),
    ("brier", "z", "2 * (p - y)", "it is the gradient of p, not of z"),
    ("softmax_by_hand", "z", "-y / p * p * (1 - p)", "only the diagonal of the Jacobian of p = softmax(z)"),
    ("softmax_by_hand", "z", "-y", "only the diagonal diag(p) of the Jacobian"),
    ("softmax", "Z", "-Y / P * P * (1 - P) / 5", "only the diagonal of the Jacobian of P = softmax(Z)"),
    ("softmax", "Z", "P - Y", "the factor 1/N of a mean is missing (N = 5, axis 0 of X)"),
    ("softmax", "Z", "P / 5", "the term − Y is missing"),
    ("softmax", "Z", "(P - 1) / 5", "1 stands where Y belongs"),
    ("softmax", "W", "X.T @ (P - Y) / 4", "it is divided by 4 (axis 1 of W) in place of 5 (axis 0 of X)"),
    ("softmax", "W", "X @ (P - Y) / 5", "a transpose is missing: X should be X.T"),
    ("softmax", "b", "sum(P - Y, axis=1) / 5", "sum over the wrong axis"),
    ("softmax", "b", "(P - Y) / 5", "it is the gradient of Z, not of b: a sum over axis 0 is missing"),
    ("softmax", "b", "sum(P - Y, axis=0, keepdims=True) / 5", "keepdims=True does not belong there"),
    ("softmax_of_columns", "W", "(P - Y) @ X.T / 5", "a factor 1/N too many: it is a sum, not a mean (N = 5"),
    ("relu_network", "W1", "outer(W2.T @ (o - t), x)", "the derivative of h = ReLU(a) is missing"),
    ("relu_network", "a", "W2.T @ (o - t)", "it is the gradient of h, not of a: the derivative of h = ReLU(a) is missing"),
    ("relu_network", "W1", "outer(W2.T @ (o - t) * h, x)", "h should be the derivative of h = ReLU(a)"),
    ("relu_network", "W1", "outer((o - t) * (a > 0), x)", "the factor W2 is missing"),
    ("relu_network", "W1", "outer(o - t, h)", "it is the gradient of W2, not of W1"),
    ("relu_network", "W1", "outer(x, W2.T @ (o - t) * (a > 0))", "the factors are in the wrong order"),
    ("relu_network", "W1", "W2.T @ (o - t) * (a > 0) * x", "an outer product belongs here"),
    ("margin", "w", "X.T @ (-y * sigmoid(y * f)) / 6", "the sign of y * f is wrong"),
    ("squared_error", "w", "X.T @ (t - z) / 6", "the sign is wrong"),
    ("squared_error", "w", "2 * X.T @ (z - t) / 6", "a factor ½ is missing"),
    ("squared_error", "b", "mean(z - t) / 6", "the factor 1/N of a mean stands there twice"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "name", "claim", "said"), MISTAKES)
def test_a_slip_is_named(function, name, claim, said):
    exercise = BY_NAME[function]
    arguments = exercise.arguments(np.random.default_rng(4))

    report = wg.check_work(exercise.function, *arguments, claims={name: claim})[name]

    assert not report
    assert report.verdict == "wrong"
    assert said in str(report.mistake)
    assert wg.check_work(exercise.function, *arguments, claims={name: report.corrected}), str(report)


def test_numbers_of_another_value_or_without_a_term_are_named():
    exercise = BY_NAME["ridge"]
    w, X, t, lam = exercise.arguments(np.random.default_rng(4))
    (report,) = wg.check_work(exercise.function, w, X, t, lam, claims={"w": 2 * X.T @ (X @ w - t) / 6})
    assert "the term lam * sum(w ** 2) of L is left out" in report.mistake

    exercise = BY_NAME["brier"]
    z, y = exercise.arguments(np.random.default_rng(4))
    p = np.exp(z) / np.exp(z).sum()
    (report,) = wg.check_work(exercise.function, z, y, claims={"z": 2 * (p - y)})
    assert report.mistake == "it is the gradient of p, not of z"


def test_the_n_of_a_mean_over_elements_is_their_number():
    rng = np.random.default_rng(1)
    arguments = (rng.normal(size=(3, 2)), rng.normal(size=(6, 3)), rng.normal(size=(6, 2)))
    (report,) = wg.check_work(
        lambda W, X, Y: np.mean((X @ W - Y) ** 2), *arguments, claims={"W": "2 * X.T @ (X @ W - Y)"}
    )
    assert "N = 12, the 6×2 elements that the mean is taken of" in report.mistake


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("np.maximum(0, a)", "ReLU"), ("np.maximum(a, 0)", "ReLU"), ("np.where(a > 0, a, 0)", "ReLU"),
        ("a * (a > 0)", "ReLU"), ("np.clip(a, 0, None)", "ReLU"), ("(a + np.abs(a)) / 2", "ReLU"),
        ("1 / (1 + np.exp(-a))", "sigmoid"), ("np.exp(a) / (1 + np.exp(a))", "sigmoid"),
        ("(np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))", "tanh"), ("np.log(1 + np.exp(a))", "softplus"),
    ],
)  # fmt: skip
def test_an_activation_is_called_by_its_name_however_it_is_written(written, title):
    variables: dict = {"np": np}
    exec(f"def loss(w, x, v):\n    a = w * x\n    h = {written}\n    return np.sum(v * h)", variables)
    arguments = np.random.default_rng(2).normal(size=(3, 4))

    (report,) = wg.check_work(variables["loss"], *arguments, claims={"w": "v * x"})

    assert f"the derivative of h = {title}(a) is missing" in report.mistake
    assert wg.check_work(variables["loss"], *arguments, claims={"w": report.corrected})


def test_a_claim_at_a_kink_is_told_from_one_that_has_no_value_there():
    def loss(w, x):
        return np.sum(np.abs(w) * x)

    w, x = np.array([0.0, 1.0]), np.array([2.0, -1.0])
    (kink,) = wg.check_work(loss, w, x, claims={"w": "where(w >= 0, 1, -1) * x"})
    assert "a derivative jumps there (a kink)" in kink.mistake
    assert wg.check_work(loss, w, x, claims={"w": kink.corrected})

    (undefined,) = wg.check_work(loss, w, x, claims={"w": "w / abs(w) * x"})
    assert "it has no finite value there" in undefined.mistake

    (wrong,) = wg.check_work(loss, w, x, claims={"w": "-where(w >= 0, 1, -1) * x"})
    assert wrong.mistake == "the sign is wrong"
    assert wg.check_work(loss, w, x, claims={"w": wrong.corrected})


def test_targets_stay_what_the_loss_wants_of_them():
    def true_class(z, y):
        p = wg.softmax(z)
        return -np.log(y @ p)

    z = np.random.default_rng(3).normal(size=4)
    assert wg.check_work(true_class, z, np.eye(4)[1], claims={"z": "p - y"})
    assert not wg.check_work(true_class, z, np.array([0.5, 0.5, 1.0, 0.0]), claims={"z": "p - y"})

    def signs(w, X, y):
        f = X @ w
        return np.mean(np.log(1 + np.exp(-y * f)))

    exercise = BY_NAME["margin"]
    claim = {"w": "X.T @ (sigmoid(f) - (y + 1) / 2) / 6"}
    arguments = exercise.arguments(np.random.default_rng(5))
    assert wg.check_work(signs, *arguments, claims=claim)
    assert not wg.check_work(signs, *arguments[:2], 2 * arguments[2], claims=claim)


def test_numpy_is_taken_at_its_word_about_booleans():
    def loss(w, x):
        return np.sum(np.maximum(0, w) * x)

    w, x = np.random.default_rng(3).normal(size=(2, 3))
    assert wg.check_work(loss, w, x, claims={"w": "(w > 0) * x"})
    assert not wg.check_work(loss, w, x, claims={"w": "-(-(w > 0)) * x"})
    assert not wg.check_work(loss, w, x, claims={"w": "((w > 0) + (w > 0)) * x / 2"})


def test_no_transpose_is_proposed_for_a_number_and_a_proposal_is_as_exact_as_a_claim():
    (report,) = wg.check_work(
        lambda a, b: (a * b + np.sin(a)) ** 2, 1.3, 0.7,
        claims={"a": "2.0000001 * (a * b + sin(a)) * (b + cos(a))"},
    )  # fmt: skip
    assert not report.right
    assert report.mistake == "it is 1.00000005 times the gradient"


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("1 - z ** 2", "z stands where tanh(z) belongs"),
        ("(1 - tanh(z)) ** 2", "the power belongs to tanh(z) alone"),
    ],
)
def test_the_derivative_of_a_line_without_a_name_is_put_right(claim, said):
    z = np.array([0.3, -0.8, 1.1])
    (report,) = wg.check_work(lambda z: np.sum(np.tanh(z)), z, claims={"z": claim})
    assert said in report.mistake
    assert wg.check_work(lambda z: np.sum(np.tanh(z)), z, claims={"z": report.corrected})


def test_the_loss_of_a_network_belongs_inside_a_function():
    net = wg.nn.Sequential(wg.nn.Dense(3, 1)).initialise(seed=0)
    with pytest.raises(wg.errors.ConfigurationError, match="write the loss inside a function"):
        wg.check_work(net, np.ones(3), np.ones(1), claims={"net": "1"})
