"""A gallery of drawings: computations as graphs, units and neurons, with values and derivatives.

Run ``python examples/drawings.py DIRECTORY``; it writes a picture for each (SVG).
"""

import argparse
from pathlib import Path

import numpy as np

import wengert as wg
from wengert import nn


def cosine(x):
    """Return J = cos(sin x² + 3x²) of lecture 003."""
    t = x**2
    J = np.cos(np.sin(t) + 3 * t)
    return J


def row_vectors(W, V, a, y):
    """Return the error of the network of lecture 004."""
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    ε = np.sum((e - y) ** 2)
    return ε


def classify(Z, T):
    """Return the cross-entropy of softmax probabilities."""
    P = wg.softmax(Z)
    return nn.nllm(P, T)


def drawings():
    """Return all drawings by name."""
    rng = np.random.default_rng(0)
    scores, target = np.array([[-0.7, -0.5, -0.3]]), np.array([[0.0, 1.0, 0.0]])
    small = nn.Sequential(nn.Dense(2, 2, "relu"), nn.Dense(2, 1)).initialise(0, np.float64)
    large = nn.Sequential(nn.Dense(784, 128, "relu"), nn.Dense(128, 10)).initialise(0)
    matrices = [np.round(rng.normal(size=shape), 1) for shape in [(3, 2), (2, 2), (1, 3), (1, 2)]]
    example = np.array([[1.0, 1.0]]), np.array([[1.0]])
    images, digits = rng.normal(size=(32, 784)), rng.integers(0, 10, 32)
    return {
        "cosine": wg.draw(cosine, 0.7),
        "row_vectors": wg.draw(row_vectors, *matrices),
        "units": wg.draw(row_vectors, *matrices, wrt=["W", "V"], view="units"),
        "network": wg.draw(small, *example, loss=nn.half_squared_error),
        "neurons": wg.draw(small, *example, loss=nn.half_squared_error, view="neurons"),
        "softmax_folded": wg.draw(classify, scores, target, wrt="Z"),
        "softmax_open": wg.draw(classify, scores, target, wrt="Z", fold=["nllm"]),
        "layers": wg.draw(large, images, digits, loss=nn.nllm_from_logits, fold="layers"),
        "large_neurons": wg.draw(large, images[0], digits[0], loss=nn.nllm_from_logits, view="neurons"),
    }


def main():
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("pictures"))
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings().items():
        path = options.directory / f"{name}.svg"
        drawing.save(path)
        print(path)


if __name__ == "__main__":
    main()
