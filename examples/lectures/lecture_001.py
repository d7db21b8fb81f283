"""Lecture 001: the log loss, δ at the output, its way back through the layers, and one-sample SGD."""

from itertools import pairwise

import numpy as np

import wengert as wg
from wengert import nn, optim, train


def data():
    """Two classes that no straight line separates: inside and outside of a ring."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    return x, (np.sum(x**2, axis=1, keepdims=True) > 1.4).astype(float)


def network(widths=(2, 5, 4, 1)):
    """Sigmoid layers of the given widths; the output is the probability of class 1."""
    layers = [nn.Dense(m, n, "sigmoid") for m, n in pairwise(widths)]
    return nn.Sequential(*layers).initialise(seed=0, dtype=np.float64)


def delta_at_the_output(a=0.3, t=1.0):
    """δ = ∂L/∂a of the log loss after a sigmoid, derived, and y − t."""
    derived = wg.grad(lambda a: nn.nll(nn.sigmoid(a), t))(a)
    return derived, nn.sigmoid(a) - t


def back_propagation(net, x, t):
    """Steps 1 to 4 in NumPy, for one row x: the gradients of all weights and biases."""
    z = [x]
    for layer in net.layers:  # step 1: forward
        z.append(nn.sigmoid(z[-1] @ layer.weight + layer.bias))
    delta = z[-1] - t  # step 2: at the output
    gradients = {}
    for number in reversed(range(len(net.layers))):
        # step 4: δ times the input of the layer; that of the bias is a 1
        gradients[f"layers.{number}.weight"] = np.outer(z[number], delta)
        gradients[f"layers.{number}.bias"] = delta[0]
        # step 3: one layer back, by its weights and the slope of the activation
        delta = (delta @ net.layers[number].weight.T) * z[number] * (1 - z[number])
    return gradients


def augmented_bias(net, x):
    """A bias is the weight of an input that is always 1."""
    layer = net.layers[0]
    weight = np.concatenate([layer.weight, layer.bias.reshape(1, -1)])
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    return layer(x), nn.sigmoid(rows @ weight)


def one_sample_sgd(epochs=40):
    """Step 5, one row at a time."""
    x, t = data()
    result = train.fit(
        network(), x, t, loss="nll", optimizer=optim.SGD(0.5), batch_size=1, epochs=epochs, progress=False
    )
    return np.mean((result.net(x) > 0.5) == (t > 0.5))


def main():
    derived, rule = delta_at_the_output()
    print(f"delta at the output: derived {derived:.15f}, y - t = {rule:.15f}")
    net, (x, t) = network(), data()
    by_hand = back_propagation(net, x[:1], t[:1])
    slopes = nn.parameters(wg.grad(lambda net: nn.nll(net(x[:1]), t[:1]))(net))
    for path, gradient in by_hand.items():
        print(f"  {path}: largest difference to the derived {np.abs(gradient - slopes[path]).max():.1e}")
    direct, augmented = augmented_bias(net, x)
    print(f"bias as the weight of a 1: largest difference {np.abs(direct - augmented).max():.1e}")
    print(f"one-sample SGD, rows classified correctly: {one_sample_sgd():.1%}")


if __name__ == "__main__":
    main()
