"""Lecture 000: gradient descent on linear regression, and two small networks worked through by hand."""

import numpy as np

import wengert as wg
from wengert import nn, optim


def descend(net, x, target, rate):
    """Return loss and gradient of ½(t − z)², and the network after one step against the gradient."""
    value, slopes = wg.value_and_grad(lambda net: nn.half_squared_error(net(x), target))(net)
    optimiser = optim.SGD(rate)
    after, _ = optimiser.update(net, slopes, optimiser.init(net))
    return value, slopes, after


def linear_regression():
    """One example, x = (1, 0) and t = 2, from w = (1, 0) and b = 2 with a step of ½."""
    net = nn.Dense(2, 1, weight=[[1], [0]], bias=[2])
    return descend(net, np.array([[1.0, 0.0]]), np.array([[2.0]]), 0.5)


def fitted_line():
    """Many examples: the mean of their gradients leads to the line behind the data."""
    x = np.linspace(-1, 1, 21).reshape(-1, 1)
    net, target = nn.Dense(1, 1, weight=[[0]], bias=[0]), 3 * x - 1
    step = wg.trace(lambda net: descend(net, x, target, 0.5)[2], net)
    for _ in range(200):
        net = step(net)
    return net


def sigmoid_network():
    """A 2–2–1 network of sigmoids by scalars (columns: a¹ = W¹x), and its derived gradient."""
    x, t = np.array([0.5, -1.0]), 1.0
    W1, w2 = np.array([[0.2, -0.4], [0.7, 0.1]]), np.array([0.6, -0.3])

    def loss(W1, w2):
        return 0.5 * (t - nn.sigmoid(w2 @ nn.sigmoid(W1 @ x))) ** 2

    h = nn.sigmoid(W1 @ x)
    z = nn.sigmoid(w2 @ h)
    by_hand = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            by_hand[i, j] = -(t - z) * z * (1 - z) * w2[i] * h[i] * (1 - h[i]) * x[j]
    return by_hand, wg.grad(loss, argnums=(0, 1))(W1, w2)[0]


def jacobians():
    """∂a¹/∂W¹, of shape 2 × (2 × 2), unfolded to 2 × 4; and the diagonal Jacobian of the activation."""
    x, W1 = np.array([3.0, 5.0]), np.eye(2)
    tensor = wg.jacobian(lambda W1: W1 @ x)(W1)
    return tensor.reshape(2, 4), wg.jacobian(nn.sigmoid)(np.zeros(2))


def relu_network():
    """Hidden ReLUs with W¹ = I, linear output with w² = (1, 2), no biases; x = (1, 0), c = 2, η = 1."""
    net = nn.Sequential(
        nn.Dense(2, 2, "relu", weight=np.eye(2), bias=False), nn.Dense(2, 1, weight=[[1], [2]], bias=False)
    )
    return descend(net, np.array([[1.0, 0.0]]), np.array([[2.0]]), 1.0)


def main():
    loss, slopes, after = linear_regression()
    print(f"linear regression: J = {loss}, dJ/dw = {slopes.weight.ravel()}, dJ/db = {slopes.bias}")
    print(f"  after a step of 1/2: w = {after.weight.ravel()}, b = {after.bias}")
    line = fitted_line()
    print(f"a line through many points: t = {line.weight.item():.4f} x + {line.bias.item():.4f}")
    by_hand, derived = sigmoid_network()
    print(f"2-2-1 sigmoid network, dJ/dW1 by scalars:\n{by_hand}\n  and derived:\n{derived}")
    unfolded, diagonal = jacobians()
    print(f"da1/dW1 unfolded, x = (3, 5):\n{unfolded}\nJacobian of the sigmoid at 0:\n{diagonal}")
    loss, slopes, after = relu_network()
    hidden, output = slopes.layers
    print(f"ReLU network: J = {loss}, dJ/dw2 = {output.weight.ravel()}, dJ/dW1 =\n{hidden.weight}")
    print(f"  after a step of 1: w2 = {after.layers[1].weight.ravel()}, W1 =\n{after.layers[0].weight}")


if __name__ == "__main__":
    main()
