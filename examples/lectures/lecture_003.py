"""Lecture 003: linear classifiers, XOR and hidden layers, losses as likelihoods, reverse mode."""

from itertools import pairwise

import numpy as np

import wengert as wg
from wengert import nn, optim, train

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0.0], [1.0], [1.0], [0.0]])


def perceptron():
    """Learn AND: a row on the wrong side, or on the line, pulls the line towards itself; no other does."""
    x, t = CORNERS, np.array([[-1.0], [-1.0], [-1.0], [1.0]])
    net = nn.Dense(2, 1, weight=[[0], [0]], bias=[0])
    optimiser = optim.SGD(1.0)
    for epoch in range(100):
        wrong = 0
        for row in range(4):
            if t[row] * net(x[row]) <= 0:
                wrong += 1
                slopes = wg.grad(lambda net, row=row: -np.sum(t[row] * net(x[row])))(net)
                net, _ = optimiser.update(net, slopes, optimiser.init(net))
        if not wrong:
            return net, epoch
    raise AssertionError("AND is linearly separable")


def logistic_regression():
    """Class 1 with probability σ(θᵀx): the most likely θ for two overlapping clouds."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1, 1, size=(100, 2)), rng.normal(1, 1, size=(100, 2))])
    t = np.repeat([[0.0], [1.0]], 100, axis=0)
    net = nn.Dense(2, 1, "sigmoid", initialiser="zeros").initialise(seed=0, dtype=np.float64)
    net = train.fit(net, x, t, loss="nll", optimizer=optim.LBFGS(), progress=False).net
    # Where the likelihood is largest, the errors y − t are orthogonal to the inputs and to the constant 1.
    return net, x.T @ (net(x) - t), np.mean((net(x) > 0.5) == t)


def xor(hidden, activation="tanh"):
    """Fit XOR with the given widths of hidden layers; return the largest error."""
    widths = [2, *hidden]
    layers = [nn.Dense(m, n, activation) for m, n in pairwise(widths)]
    net = nn.Sequential(*layers, nn.Dense(widths[-1], 1, "sigmoid")).initialise(seed=3, dtype=np.float64)
    optimiser = optim.Adam(0.05)

    def step(net, state):
        slopes = wg.grad(lambda net: nn.nll(net(CORNERS), XOR))(net)
        return optimiser.update(net, slopes, state)

    state = optimiser.init(net)
    program = wg.simplify(wg.trace(step, net, state))
    for _ in range(500):
        net, state = program(net, state)
    return np.abs(net(CORNERS) - XOR).max()


def loss_surface(loss):
    """The mean loss of a network with one weight in each of two layers, over both weights."""
    weights, x = np.linspace(-4, 4, 5), np.linspace(-2, 2, 9).reshape(-1, 1)
    t = (x > 0).astype(float)

    def at(w1, w2):
        return loss(nn.sigmoid(w2 * np.tanh(w1 * x)), t)

    return np.array([[at(w1, w2) for w2 in weights] for w1 in weights])


def likelihoods(z, t, theta, strength=0.5):
    """For each loss its density: the sum −ln p − loss, which has to be one constant for all z.

    Squared error with Gaussian noise, with a Gaussian prior of the weights as well, and cross-entropy with
    Bernoulli outcomes. Hinge has no density: it leaves alone what has the margin.
    """
    gaussian = 0.5 * (t - z) ** 2 + 0.5 * np.log(2 * np.pi)
    prior = 0.5 * strength * theta**2 + 0.5 * np.log(2 * np.pi / strength)
    y = nn.sigmoid(z)
    bernoulli = -np.log(np.where(t == 1, y, 1 - y))
    ridge = nn.half_squared_error(z, t, reduction="none") + 0.5 * strength * theta**2
    return {
        "squared error, Gaussian noise": gaussian - nn.half_squared_error(z, t, reduction="none"),
        "squared error and L2, Gaussian prior": gaussian + prior - ridge,
        "cross-entropy, Bernoulli": bernoulli - nn.nll(y, t, reduction="none"),
    }


def reverse_mode(x=0.7):
    """J = cos(sin x² + 3 x²): both paths meet at t = x²."""

    def J(x):
        t = x**2
        u1 = np.sin(t)
        u2 = 3 * t
        u = u1 + u2
        return np.cos(u)

    by_hand = -np.sin(np.sin(x**2) + 3 * x**2) * (np.cos(x**2) + 3) * 2 * x
    return wg.trace_gradient(J, x), wg.grad(J)(x), by_hand


def main():
    net, epochs = perceptron()
    print(f"perceptron for AND after {epochs} epochs: w = {net.weight.ravel()}, b = {net.bias}")
    net, residual, accuracy = logistic_regression()
    print(f"logistic regression: {accuracy:.1%} right, theta = {net.weight.ravel()}")
    print(f"  and X'(y - t) is nearly 0: {residual.ravel()}")
    print(f"XOR, largest error: no hidden layer {xor([]):.3f}, one {xor([4]):.3f}, two {xor([4, 4]):.3f}")
    for name in ("sigmoid", "tanh", "relu", "softplus"):
        print(f"  one hidden layer of 8 {name}: {xor([8], name):.3f}")
    for name in ("nll", "squared_error"):
        surface = loss_surface(nn.LOSSES[name])
        print(f"{name} over two weights, one in each layer: from {surface.min():.3f} to {surface.max():.3f}")
    z, t, theta = np.array([-1.0, 0.3, 2.0]), np.array([0.0, 1.0, 1.0]), np.array([0.1, -0.2, 3.0])
    for name, difference in likelihoods(z, t, theta).items():
        print(f"  {name}: -ln p - loss = {difference}")
    program, derived, by_hand = reverse_mode()
    print(program)
    print(f"dJ/dx at 0.7: derived {derived:.12f}, by hand {by_hand:.12f}")


if __name__ == "__main__":
    main()
