"""Networks of every sort and rows for them, for the tests of file formats."""

import hypothesis.strategies as st
import numpy as np
from hypothesis.extra.numpy import arrays

from wengert import nn

INPUTS = 4


@st.composite
def networks(draw, activations=tuple(nn.ACTIVATIONS)):
    """Draw an initialised network of up to four layers that takes INPUTS features."""
    layers, width = [], INPUTS
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("dense", "dense", "batch", "layer", "dropout")))
        if kind == "dense":
            units = draw(st.integers(1, 6))
            bias = None if draw(st.booleans()) else False
            layers.append(nn.Dense(width, units, draw(st.sampled_from(activations)), bias=bias))
            width = units
        else:
            made = {"batch": nn.BatchNorm, "layer": nn.LayerNorm}.get(kind)
            layers.append(nn.Dropout(0.3) if made is None else made(width))
    layers.append(nn.Dense(width, draw(st.integers(1, 3))))
    return scrambled(nn.Sequential(*layers).initialise(draw(st.integers(0, 99))))


def every_layer():
    """Return a network of each layer that there is, with rows for it."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(6, INPUTS)).astype(np.float32)
    mixed = np.concatenate([X[:, :2], rng.integers(0, 3, (6, 2))], axis=1).astype(np.float32)
    layers = {
        nn.Activation: nn.Activation("mish"),
        nn.BatchNorm: nn.BatchNorm(INPUTS),
        nn.Blend: nn.Blend((nn.Dense(INPUTS, 3, "tanh"), nn.Dense(INPUTS, 3)), (0.7, 0.3)),
        nn.CategoryEmbeddings: nn.CategoryEmbeddings((3, 3)),
        nn.Calibration: nn.Calibration(INPUTS, 0.1, 2.0),
        nn.Clip: nn.Clip(-0.5, 0.7),
        nn.ColumnBlocks: nn.ColumnBlocks((2, 2), (nn.Scale(2), nn.CategoryEmbeddings((3, 3)))),
        nn.Dense: nn.Dense(INPUTS, 3),
        nn.Dropout: nn.Dropout(0.5),
        nn.Embedding: nn.Embedding(4, 2),
        nn.Ensemble: nn.Ensemble(3, nn.NTKDense(INPUTS, 2, "selu", members=3)),
        nn.LayerNorm: nn.LayerNorm(INPUTS),
        nn.NTKDense: nn.NTKDense(INPUTS, 3, "selu"),
        nn.ObliviousTrees: nn.ObliviousTrees(INPUTS, 2, ((0, 3, 1), (2, 0, 0))),
        nn.ParametricActivation: nn.ParametricActivation(INPUTS, "mish"),
        nn.PeriodicEmbedding: nn.PeriodicEmbedding(INPUTS, waves=3),
        nn.Scale: nn.Scale(INPUTS),
        nn.Sequential: nn.Sequential(nn.Sequential(nn.Dense(INPUTS, 2)), nn.Scale(2)),
    }
    given = {
        nn.CategoryEmbeddings: mixed[:, 2:],
        nn.ColumnBlocks: mixed,
        nn.Embedding: rng.integers(0, 4, (6, 2)),
    }
    return [(scrambled(layer.initialise(3)), given.get(kind, X)) for kind, layer in layers.items()]


def scrambled(net):
    """Give statistics, biases and scales values other than 0 and 1."""
    rng = np.random.default_rng(5)
    changed = {
        name: (array + rng.uniform(0.1, 0.9, array.shape)).astype(array.dtype)
        for name, array in {**nn.parameters(net), **nn.state(net)}.items()
        if array.ndim == 1
    }
    known = nn.parameters(net)
    net = nn.with_parameters(net, {name: array for name, array in changed.items() if name in known})
    return nn.with_state(net, {name: array for name, array in changed.items() if name not in known})


def rows(width=INPUTS):
    """Draw a batch of one row or several."""
    values = st.floats(-4, 4, width=32)
    return st.integers(1, 5).flatmap(lambda count: arrays(np.float32, (count, width), elements=values))
