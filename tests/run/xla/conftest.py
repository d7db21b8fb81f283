"""XLA compiles with little effort: tested is what it is given to compile, not its choice of instructions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _xla_compiles_quickly() -> Iterator[None]:
    jax = pytest.importorskip("jax", reason="JAX, of the extra `xla`, is not installed")
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
