"""Who takes part. A peer's module is imported when it is measured, so that none has to be installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from wengert.benchmark.candidate import Candidate
from wengert.benchmark.configurations import Configuration


@dataclass(frozen=True)
class Peer:
    """A library, or a way to use one.

    Attributes
    ----------
    name : str
        For options.
    title : str
        For tables.
    module, function : str
        Where its candidates come from: ``function(configuration, rule, threads)`` gives one for each choice
        of settings.
    package : str
        What is imported.
    distribution : str
        What to install for it.
    """

    name: str
    title: str
    module: str
    function: str
    package: str
    distribution: str

    def installed(self) -> bool:
        """Return whether it can take part."""
        return importlib.util.find_spec(self.package) is not None

    def candidates(self, configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
        """Return one candidate for each choice of settings."""
        module = importlib.import_module(f"wengert.benchmark.peers.{self.module}")
        function: Callable[[Configuration, str, int], list[Candidate]] = getattr(module, self.function)
        return function(configuration, rule, threads)


OURS = Peer("wengert", "wengert", "wengert_fit", "candidates", "wengert", "wengert")

PEERS = {
    peer.name: peer
    for peer in (
        OURS,
        Peer("wengert-numpy", "wengert, NumPy", "wengert_fit", "numpy_candidates", "numpy", "numpy"),
        Peer("pytorch", "PyTorch", "pytorch", "candidates", "torch", "torch"),
        Peer("pytorch-compiled", "PyTorch compiled", "pytorch", "compiled_candidates", "torch", "torch"),
        Peer("jax-step", "JAX step", "jax_jit", "step_candidates", "jax", "jax"),
        Peer("jax-loop", "JAX loop", "jax_jit", "loop_candidates", "jax", "jax"),
        Peer("numpy", "NumPy", "numpy_by_hand", "candidates", "numpy", "numpy"),
        Peer("scikit-learn", "scikit-learn", "scikit_learn", "candidates", "sklearn", "scikit-learn"),
    )
}
