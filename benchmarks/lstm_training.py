"""A network of LSTM cells that classifies sequences: by `wg.scan`, by hand in JAX, by cuDNN in PyTorch.

Gates stand in the order input, forget, candidate, output; one bias; Adam. All start from the same parameters
and visit the rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import wengert as wg
from wengert import nn, optim, train
from wengert.benchmark.candidate import SEED, Candidate, Training, seconds_of
from wengert.benchmark.configurations import ADAM_RATE
from wengert.benchmark.peers.jax_jit import adam_step, scanned_epoch
from wengert.benchmark.peers.wengert_fit import timed_fit
from wengert.nn.initialisers import zeros
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.train.steps.batches import row_order

Array = np.ndarray[Any, Any]

NAMES = ("of_input", "of_state", "bias", "last", "offset")


@dataclass(frozen=True)
class Sequences:
    """Which network, and on what.

    Attributes
    ----------
    length, inputs, units, outputs : int
    batch, steps : int
        As of a `Configuration`.
    """

    length: int = 64
    inputs: int = 32
    units: int = 256
    outputs: int = 10
    batch: int = 64
    steps: int = 20

    @property
    def rows(self) -> int:
        return self.batch * self.steps

    def describe(self) -> str:
        return f"LSTM, {self.length} × {self.inputs} → {self.units} → {self.outputs}, batch {self.batch}"

    def data(self) -> tuple[Array, Array]:
        """Return features, shape (rows, length, inputs), and the class of each row."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.rows, self.length, self.inputs), np.float32)
        return x, x[:, :, : self.outputs].mean(axis=1).argmax(axis=1)

    def initial(self) -> list[Array]:
        """Return weights of the inputs and of the state, bias, weights and bias of the last layer."""
        rng = np.random.default_rng(1)
        scale = np.float32(self.units**-0.5)

        def draw(*shape: int) -> Array:
            return scale * rng.uniform(-1, 1, shape).astype(np.float32)

        gates = 4 * self.units
        return [
            draw(self.inputs, gates), draw(self.units, gates), draw(gates),
            draw(self.units, self.outputs), draw(self.outputs),
        ]  # fmt: skip


def logits(xp: Any, scan: Callable[..., Any], parameters: Any, x: Any) -> Any:
    """Return the logits of each row by the array functions and the `scan` of a library."""
    of_input, of_state, bias, last, offset = parameters
    units = of_state.shape[0]
    # The products with the inputs are one, before the loop.
    along = xp.swapaxes(x @ of_input + bias, 0, 1)

    def advance(carry: Any, z: Any) -> Any:
        hidden, cell = carry
        z = z + hidden @ of_state
        gates = 1 / (1 + xp.exp(-z))
        candidate = xp.tanh(z[:, 2 * units : 3 * units])
        cell = gates[:, units : 2 * units] * cell + gates[:, :units] * candidate
        hidden = gates[:, 3 * units :] * xp.tanh(cell)
        return (hidden, cell), None

    start = xp.zeros((x.shape[0], units), np.float32)
    (hidden, _), _ = scan(advance, (start, start), along)
    return hidden @ last + offset


class _Recurrent(Module):
    sequences: Sequences
    of_input: Any = parameter()
    of_state: Any = parameter()
    bias: Any = parameter()
    last: Any = parameter()
    offset: Any = parameter()

    def array_rules(self) -> ArrayRules:
        return {
            name: (array.shape, zeros) for name, array in zip(NAMES, self.sequences.initial(), strict=True)
        }

    def __call__(self, x: Any) -> Any:
        return logits(np, wg.scan, [getattr(self, name) for name in NAMES], x)


def with_wengert(sequences: Sequences) -> Candidate:
    """Return training by `train.fit` with the XLA executor."""
    features, classes = sequences.data()
    net = _Recurrent(sequences, **dict(zip(NAMES, sequences.initial(), strict=True)))
    fit = partial(
        train.fit, net, features, classes, loss=nn.nllm_from_logits, optimizer=optim.Adam(ADAM_RATE),
        executor="xla",
    )  # fmt: skip
    return Candidate('train.fit, executor="xla"', timed_fit(fit, sequences.batch, sequences.steps, 2))


def with_jax(sequences: Sequences) -> Candidate:
    """Return training with one call an epoch: a scan of the steps, each with a scan over the sequence."""
    import jax
    import jax.numpy as jnp

    features, classes = sequences.data()
    x, y = jnp.asarray(features), jnp.asarray(classes, jnp.int32)

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        z = logits(jnp, jax.lax.scan, parameters, x)
        of_class = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - of_class)

    epoch = scanned_epoch(adam_step(jax.grad(loss)), (sequences.steps, sequences.batch), by_step=True)

    def run(epochs: int) -> Training:
        start = [jnp.asarray(array) for array in sequences.initial()]
        moments = [[jnp.zeros_like(array) for array in start] for _ in range(2)]
        carry: Any = (start, *moments, jnp.zeros((), jnp.int32))

        def take(number: int) -> None:
            nonlocal carry
            order = jnp.asarray(row_order(SEED, number, sequences.rows).astype(np.int32))
            carry = epoch(carry, x, y, order)

        seconds = seconds_of(take, epochs, 2, wait=lambda: jax.block_until_ready(carry))
        return Training(seconds, epochs * sequences.steps, [np.array(array) for array in carry[0]])

    return Candidate("jit of the epoch, donated", run)


def with_pytorch(sequences: Sequences, device: str, compiled: bool) -> Candidate:
    """Return training by `torch.nn.LSTM`, eager or compiled."""
    import torch

    from wengert.benchmark.peers.pytorch import epoch_of, finish

    features, classes = (torch.from_numpy(array).to(device) for array in sequences.data())
    cells = torch.nn.LSTM(sequences.inputs, sequences.units, batch_first=True).to(device)
    cells.bias_hh_l0.requires_grad_(False)  # one bias, as the others have
    head = torch.nn.Linear(sequences.units, sequences.outputs).to(device)
    trained = [cells.weight_ih_l0, cells.weight_hh_l0, cells.bias_ih_l0, head.weight, head.bias]

    def of_batch(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(head(cells(x)[0][:, -1]), y)

    loss_of = torch.compile(of_batch) if compiled else of_batch

    def run(epochs: int) -> Training:
        with torch.no_grad():
            for parameter, array in zip(trained, sequences.initial(), strict=True):
                parameter.copy_(torch.from_numpy(array.T))
            cells.bias_hh_l0.zero_()
        optimizer = torch.optim.Adam(trained, lr=ADAM_RATE, fused=True)
        epoch = epoch_of(loss_of, optimizer, features, classes, sequences.batch)
        seconds = seconds_of(epoch, epochs, 2, wait=lambda: finish(device))
        arrays = [parameter.detach().cpu().numpy().T.copy() for parameter in trained]
        return Training(seconds, epochs * sequences.steps, arrays)

    return Candidate("compiled" if compiled else "eager", run)
