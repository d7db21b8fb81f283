"""Functions with loops, each with its gradient as the literature has it, iteration after iteration."""

import numpy as np
from scipy import special
from tests.golden.forum_functions import Asked

import wengert as wg

RNG = np.random.default_rng(23)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
W, U, B = RNG.normal(size=(2, 2)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
GATES = [RNG.normal(size=shape) for shape in [(1, 2)] * 4 + [(2, 2)] * 4]


def simple_rnn(W, U, b, x, h0, y):
    def cell(h, x):
        z = h @ W + x @ U + b
        h = np.tanh(z)
        return h, h

    _, h = wg.scan(cell, h0, x)
    return np.sum((h - y) ** 2)


def simple_rnn_by_hand(W, U, b, x, h0, y):
    states = [h0]
    for entry in x:
        states.append(np.tanh(states[-1] @ W + entry @ U + b))
    dW, dU, db, delta = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(b)
    for t in range(len(x), 0, -1):
        dz = (2 * (states[t] - y[t - 1]) + delta) * (1 - states[t] ** 2)
        dW, dU, db = dW + np.outer(states[t - 1], dz), dU + np.outer(x[t - 1], dz), db + dz
        delta = W @ dz
    return dW, dU, db, delta


def linear_recurrence(A, s0):
    s, _ = wg.scan(lambda s, _: (A @ s, None), s0, None, length=4)
    return s @ s / 2


def linear_recurrence_by_hand(A, s0):
    powers = [np.linalg.matrix_power(A, n) for n in range(5)]
    last = powers[4] @ s0
    by_matrix = sum(np.outer(powers[3 - n].T @ last, powers[n] @ s0) for n in range(4))
    return by_matrix, powers[4].T @ last


def lstm(Ui, Uf, Uo, Ug, Wi, Wf, Wo, Wg, x):
    def cell(carry, x):
        h, c = carry
        i = wg.sigmoid(x @ Ui + h @ Wi)
        f = wg.sigmoid(x @ Uf + h @ Wf)
        o = wg.sigmoid(x @ Uo + h @ Wo)
        g = np.tanh(x @ Ug + h @ Wg)
        c = f * c + i * g
        h = o * np.tanh(c)
        return (h, c), None

    (h, _), _ = wg.scan(cell, (np.zeros(2), np.zeros(2)), x)
    return np.sum(h**2)


def lstm_by_hand(Ui, Uf, Uo, Ug, Wi, Wf, Wo, Wg, x):
    h, c, kept = np.zeros(2), np.zeros(2), []
    for entry in x:
        i, f, o = (special.expit(entry @ one + h @ two) for one, two in ((Ui, Wi), (Uf, Wf), (Uo, Wo)))
        g = np.tanh(entry @ Ug + h @ Wg)
        before, c = (h, c), f * c + i * g
        h = o * np.tanh(c)
        kept.append((*before, i, f, o, g, c, entry))
    dh, dc, found = 2 * h, np.zeros(2), [np.zeros_like(one) for one in (Ui, Uf, Uo, Ug, Wi, Wf, Wo, Wg)]
    for h, before, i, f, o, g, c, entry in reversed(kept):
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        gates = [
            dc * g * i * (1 - i),
            dc * before * f * (1 - f),
            dh * np.tanh(c) * o * (1 - o),
            dc * i * (1 - g**2),
        ]
        for place, dz in enumerate(gates):
            found[place] += np.outer(entry, dz)
            found[4 + place] += np.outer(h, dz)
        dc = dc * f
        dh = sum(one @ dz for one, dz in zip((Wi, Wf, Wo, Wg), gates, strict=True))
    return tuple(found)


def logistic_map(r, x0):
    def step(x, _):
        x = r * x * (1 - x)
        return x, None

    x, _ = wg.scan(step, x0, None, length=6)
    return x


def logistic_map_by_hand(r, x0):
    x, by_rate, by_start = x0, 0.0, 1.0
    for _ in range(6):
        slope = r * (1 - 2 * x)
        x, by_rate, by_start = r * x * (1 - x), x * (1 - x) + slope * by_rate, slope * by_start
    return by_rate, by_start


def euler(y0, k):
    def step(i, y):
        y = y + 0.1 * (np.sin(0.1 * i) - k * y)
        return y

    return wg.fori_loop(0, 8, step, y0) ** 2


def euler_by_hand(y0, k):
    y, by_start, by_rate = y0, 1.0, 0.0
    for i in range(8):
        y, by_start, by_rate = (
            y + 0.1 * (np.sin(0.1 * i) - k * y),
            (1 - 0.1 * k) * by_start,
            (1 - 0.1 * k) * by_rate - 0.1 * y,
        )
    return 2 * y * by_start, 2 * y * by_rate


def cumulative_sum(x):
    def step(s, x):
        s = s + x
        return s, s

    _, s = wg.scan(step, 0.0, x)
    return np.sum(s**2)


def moving_average(a, x):
    def step(m, x):
        m = (1 - a) * m + a * x
        return m, m

    _, m = wg.scan(step, 0.0, x)
    return np.sum(m**2)


def moving_average_by_hand(a, x):
    n = np.arange(len(x))
    ages = np.tril(n[:, None] - n)  # m_t is a Σ_s (1 − a)^(t − s) x_s
    weights = np.tril((1 - a) ** ages)
    slopes = np.tril((1 - a) ** ages - a * ages * (1 - a) ** (ages - 1.0))
    m = a * weights @ x
    return 2 * m @ (slopes @ x), 2 * a * weights.T @ m


def returns(r, g):
    def step(v, r):
        v = r + g * v
        return v, v

    _, v = wg.scan(step, 0.0, r, reverse=True)
    return np.sum(v**2)


def returns_by_hand(r, g):
    n = np.arange(len(r))
    ages = np.triu(n - n[:, None])
    v = np.triu(g**ages) @ r
    return 2 * np.triu(g**ages).T @ v, 2 * v @ (np.triu(ages * g ** (ages - 1.0)) @ r)


def newton(a):
    x = wg.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, 1.0)
    return x


LOOPS = {
    "simple_rnn": Asked(
        simple_rnn, (W, U, B, X, RNG.normal(size=2), Y), ["W", "U", "b", "h0"], simple_rnn_by_hand,
        "Goodfellow, Bengio & Courville 2016, section 10.2.2",
    ),
    "linear_recurrence": Asked(
        linear_recurrence, (W, RNG.normal(size=2)), ["A", "s0"], linear_recurrence_by_hand,
        "Magnus & Neudecker 2019, 9.14: the differential of a power of a matrix",
    ),
    "lstm": Asked(
        lstm, (*GATES, RNG.normal(size=(3, 1))), ["Ui", "Uf", "Uo", "Ug", "Wi", "Wf", "Wo", "Wg"],
        lstm_by_hand,
        "Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000",
    ),
    "logistic_map": Asked(logistic_map, (3.7, 0.2), ["r", "x0"], logistic_map_by_hand, "Strogatz 1994, 10.1"),
    "euler": Asked(euler, (1.5, 0.5), ["y0", "k"], euler_by_hand, "Werbos 1990: a recursion in time"),
    "cumulative_sum": Asked(
        cumulative_sum, (RNG.normal(size=5),), ["x"],
        lambda x: (2 * np.cumsum(np.cumsum(x)[::-1])[::-1],), "the transpose of a running sum",
    ),
    "moving_average": Asked(
        moving_average, (0.3, RNG.normal(size=5)), ["a", "x"], moving_average_by_hand,
        "Brown 1959, exponential smoothing, its sum written out",
    ),
    "returns": Asked(
        returns, (RNG.normal(size=5), 0.9), ["r", "g"], returns_by_hand,
        "Sutton & Barto 2018, section 3.3: discounted returns, the last first",
    ),
    "newton": Asked(
        newton, (2.0,), ["a"], lambda a: (0.5 / np.sqrt(a),),
        "Heron's iteration; Griewank & Walther 2008, 15.4",
    ),
}  # fmt: skip
