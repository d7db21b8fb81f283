"""Lecture 002: forward pass, chains of derivatives, the tables of derivatives, SGD-NEURAL-NET."""

import numpy as np

import wengert as wg
from wengert import nn, optim, train


def forward_pass(x=10.0):
    """f = x + 2, g = 3 f, h = sin g: the list of a program is a forward pass."""

    def h(x):
        f = x + 2
        g = 3 * f
        return f, g, np.sin(g)

    return wg.trace(h, x), h(x)


def neuron():
    """∂L/∂w of one sigmoid neuron with NLL: the chain ∂L/∂a · ∂a/∂z · ∂z/∂w factor by factor, and derived."""
    x, w, y = np.array([1.0, -2.0]), np.array([0.5, 0.25]), 1.0
    z = x @ w
    a = nn.sigmoid(z)
    chain = wg.grad(lambda a: nn.nll(a, y))(a) * wg.grad(nn.sigmoid)(z) * x
    return chain, wg.grad(lambda w: nn.nll(nn.sigmoid(x @ w), y))(w)


def matrix_form():
    """Two layers: ∂L/∂W¹ = A⁰ (∂L/∂Z¹)ᵀ, with column vectors and the denominator layout of the lecture."""
    rng = np.random.default_rng(0)
    A0, y = rng.normal(size=(3, 1)), np.ones((2, 1))
    W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))

    def loss(W1):
        return np.sum((W2.T @ np.tanh(W1.T @ A0) - y) ** 2)

    A1 = np.tanh(W1.T @ A0)
    dL_dA2 = 2 * (W2.T @ A1 - y)  # (n² × 1); the output is linear, so this is ∂L/∂Z² too
    dA1_dZ1 = np.diag(1 - A1.ravel() ** 2)  # (n¹ × n¹)
    dL_dZ1 = dA1_dZ1 @ W2 @ dL_dA2  # (n¹ × 1)
    return A0 @ dL_dZ1.T, wg.grad(loss)(W1)


def activation_table(z):
    """Each activation of the lecture with its derivative at z."""
    table = {}
    for activation in (nn.step, nn.relu, nn.sigmoid, nn.identity, nn.tanh):
        table[activation.__name__] = activation(z), np.diag(wg.jacobian(activation)(z))
    return table


def loss_table(a, y):
    """Each loss of the lecture with its derivative at the prediction a."""
    losses = {"square": nn.squared_error, "absolute": nn.absolute_error, "NLL": nn.nll}
    return {name: wg.value_and_grad(loss)(a, y) for name, loss in losses.items()}


def elementwise_jacobian():
    """f(z) = z² at (1, 2, 3): a diagonal matrix."""
    return wg.jacobian(np.square)(np.array([1.0, 2.0, 3.0]))


def fused(z, y):
    """∂L/∂Z of softmax and NLLM together is p − y."""
    return wg.grad(lambda z: nn.nllm(nn.softmax(z), y))(z), nn.softmax(z) - y


def sgd_neural_net(epochs=60):
    """Gaussian start, random points one by one, step size η(t), and a termination condition."""
    x = np.random.default_rng(1).uniform(-1, 1, size=(100, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = nn.Sequential(nn.Dense(2, 12, "tanh", "gaussian"), nn.Dense(12, 2, "softmax", "gaussian"))
    result = train.fit(
        net.initialise(seed=0),
        x,
        y,
        loss="nllm",
        optimizer=optim.SGD(optim.InverseScaling(0.5, 0.25)),
        batch_size=1,
        epochs=epochs,
        validation_data=(x, y),
        early_stopping=10,
        progress=False,
    )
    return np.mean(result.net(x).argmax(axis=1) == y), result.stopped


def main():
    program, values = forward_pass()
    print(program)
    print("forward pass at 10:", *values)
    print("one neuron, by the chain and derived:", *neuron())
    by_hand, derived = matrix_form()
    print(f"matrix form, shape {by_hand.shape}: largest difference {np.abs(by_hand - derived).max():.1e}")
    z = np.array([-1.0, 0.0, 2.0])
    for name, (value, slope) in activation_table(z).items():
        print(f"  {name} at {z}: {value}, derivative {slope}")
    for name, (value, slope) in loss_table(np.array([0.75]), np.array([1.0])).items():
        print(f"  {name} loss of 0.75 for 1: {value:.6f}, derivative {slope.item():.6f}")
    print(f"Jacobian of z squared at (1, 2, 3):\n{elementwise_jacobian()}")
    z, y = np.array([[1.0, 2.0, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    print("dL/dZ of softmax and NLLM, and p - y:", *fused(z, y))
    accuracy, stopped = sgd_neural_net()
    print(f"SGD-NEURAL-NET: {accuracy:.0%} of the points right; stopped: {stopped}")


if __name__ == "__main__":
    main()
