"""The machine and the versions that decide the figures."""

from __future__ import annotations

import importlib.metadata
import platform

from wengert.run.llvm.matmul.bfloat16_support import bfloat16_support
from wengert.run.llvm.matmul.tile_search import tuned
from wengert.run.llvm.matmul.tile_shapes import tile_costs
from wengert.run.llvm.runtime.processor import host_processor
from wengert.run.llvm.runtime.target import host_target
from wengert.run.threads import physical_cores
from wengert.version import __version__

_PACKAGES = ("numpy", "llvmlite", "torch", "jax", "scikit-learn", "autograd")


def describe_machine() -> dict[str, str]:
    """Return processor, cores, system and the versions of what is installed, for people."""
    return {
        "processor": host_processor().name,
        "cores": str(physical_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "wengert": __version__,
        **_versions(),
    }


def tiles_in_words() -> str:
    """Return what the kernels know of the processor, and the tiles that large products are cut into."""
    processor, target = host_processor(), tuned(host_target())
    if not processor.recognised:
        words = "this processor is not recognised: products are cut as is safe for small caches"
    else:
        words = (
            f"second-level cache {processor.l2_bytes // 1024:,} KiB, pages of {processor.page_bytes:,} bytes"
        )
    tiles = ", ".join(f"{tile.rows}×{tile.vectors}" for tile in tile_costs(target))
    instructions, reason = bfloat16_support(target)
    return (
        f"{words}; tiles of products in rows × vectors of {8 * target.vector_bytes} bits: {tiles}; "
        f"bfloat16: {reason or instructions}"
    )


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
