"""Two interleaved spirals, told apart by a network with two hidden layers.

Run ``python examples/spiral.py``; with ``--picture FILE`` (needs matplotlib) it also draws what the network
has learned and how its loss fell.
"""

import argparse

import numpy as np

from wengert import nn, optim, train


def spirals(rows, seed):
    """Return points (rows, 2) and class labels (rows,): two spirals of one and a half turns, with noise."""
    rng = np.random.default_rng(seed)
    label = np.arange(rows) % 2
    radius = np.sqrt(rng.uniform(0.02, 1, rows))
    angle = 3 * np.pi * radius + np.pi * label
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + rng.normal(scale=0.02, size=points.shape), label


def learn(epochs=150):
    """Return the trained network and the history of its training."""
    X, y = spirals(1000, seed=0)
    net = nn.Sequential(
        nn.Dense(2, 32, "tanh"),
        nn.Dense(32, 32, "tanh"),
        nn.Dense(32, 1),
    ).initialise(seed=0)
    result = train.fit(
        net,
        X,
        y[:, None],
        loss="nll_from_logits",
        optimizer=optim.Adam(learning_rate=0.01),
        epochs=epochs,
        batch_size=50,
        seed=0,
    )
    return result.net, result.history


def accuracy(net):
    """Return the share of points of a new sample that are told apart."""
    X, y = spirals(1000, seed=1)
    return np.mean((net(X)[:, 0] > 0) == y)


def draw(net, history, path):
    """Write a picture of the decision function, the points, and the loss."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    axis = np.linspace(-1.15, 1.15, 300, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    probability = nn.sigmoid(net(grid)).reshape(300, 300)
    left.imshow(probability, extent=(-1.15, 1.15, -1.15, 1.15), origin="lower", cmap="RdBu_r", vmin=0, vmax=1)
    left.contour(axis, axis, probability, levels=[0.5], colors="black", linewidths=1)
    X, y = spirals(1000, seed=0)
    left.scatter(*X.T, c=y, cmap="RdBu_r", s=7, edgecolors="black", linewidths=0.4)
    left.set(title="2-32-32-1 tanh: probability of red", xticks=[], yticks=[])
    right.semilogy([epoch.loss for epoch in history], color="black")
    right.set(title="cross-entropy while training", xlabel="epoch")
    right.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main():
    """Train, report, and draw where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    net, history = learn(options.epochs)
    print(f"held-out accuracy {accuracy(net):.3f} after {len(history)} epochs")
    if options.picture:
        draw(net, history, options.picture)


if __name__ == "__main__":
    main()
