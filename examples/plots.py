"""A gallery of the plots: what networks learn, and how.

Run ``python examples/plots.py DIRECTORY`` (needs matplotlib: ``pip install 'wengert[plot]'``); it writes a
picture for each.
"""

import argparse
from pathlib import Path

import numpy as np

from wengert import nn, optim, plots, train


def two_moons(rows=300, seed=0):
    """Return points (rows, 2) and labels (rows,): two half circles that reach into one another."""
    rng = np.random.default_rng(seed)
    label = np.arange(rows) % 2
    angle = rng.uniform(0, np.pi, rows)
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    points[label == 1] = [1, 0.5] - points[label == 1]
    return points + rng.normal(scale=0.12, size=points.shape), label


def digits():
    """Return images of digits (rows, 64), values from 0 to 1, and labels (rows,)."""
    table = np.loadtxt(Path(__file__).with_name("digits.csv"), delimiter=",", skiprows=1)
    return table[:, :-1] / 16, table[:, -1].astype(int)


def of_moons(epochs):
    """Return the pictures of a small classifier of two features."""
    X, y = two_moons()
    net = nn.Sequential(nn.Dense(2, 6, "tanh"), nn.Dense(6, 1)).initialise(seed=1)
    result = train.fit(
        net, X, y[:, None], loss="nll_from_logits", optimizer=optim.Adam(learning_rate=0.05),
        epochs=epochs, validation_fraction=0.3, seed=0,
    )  # fmt: skip
    boundary = plots.decision_boundary(result.net, X, y, names=["x₁", "x₂"])
    boundary.set_title("2-6-1 tanh")
    return {
        "boundary": boundary.figure,
        "hidden_units": plots.hidden_units(result.net, X, y),
        "loss_curves": plots.loss_curves(result).figure,
    }


def of_two_weights(epochs):
    """Return the losses of a 1-1-1 network over its two weights, as in lecture 003."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    y = (rng.uniform(size=x.shape) < nn.sigmoid(3 * np.tanh(x))).astype(float)
    net = nn.Sequential(nn.Dense(1, 1, "tanh", bias=False), nn.Dense(1, 1, "sigmoid", bias=False)).initialise(
        seed=0, dtype=np.float64
    )
    net = nn.with_parameters(
        net, {"layers.0.weight": np.array([[0.4]]), "layers.1.weight": np.array([[-1.5]])}
    )
    path = plots.Trajectory()
    result = train.fit(
        net, x, y, loss="nll", optimizer=optim.SGD(learning_rate=0.5), epochs=epochs, batch_size=200,
        callbacks=[path], seed=0,
    )  # fmt: skip
    figure = plots.loss_surfaces(
        result.net,
        x,
        y,
        weights=("layers.0.weight[0, 0]", "layers.1.weight[0, 0]"),
        trajectory=path,
        reach=5.0,
    )
    return {"loss_surfaces": figure}


def of_digits(epochs):
    """Return the pictures of a classifier of images."""
    X, y = digits()
    net = nn.Sequential(nn.Dense(64, 32, "relu"), nn.Dense(32, 10)).initialise(seed=0)
    path = plots.Trajectory()
    result = train.fit(
        net, X, y, loss="nllm_from_logits", optimizer=optim.Adam(learning_rate=0.005), epochs=epochs,
        callbacks=[path], seed=0,
    )  # fmt: skip
    surface = plots.loss_surface(
        result.net, X, y, "nllm_from_logits", trajectory=path, directions="trajectory"
    )
    return {"digits_surface": surface.figure, "digits_weights": plots.first_layer_weights(result.net, (8, 8))}


def main():
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=Path("pictures"))
    parser.add_argument("--epochs", type=int, default=60, help="fewer for a quick look")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    figures = {
        "activations": plots.activations(),
        **of_moons(options.epochs),
        **of_two_weights(options.epochs),
        **of_digits(options.epochs),
    }
    for name, figure in figures.items():
        path = options.directory / f"{name}.png"
        figure.savefig(path, dpi=80)
        print(path)


if __name__ == "__main__":
    main()
