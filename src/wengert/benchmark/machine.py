"""The machine and the versions that decide the figures."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

from wengert.run.threads import physical_cores
from wengert.version import __version__

_PACKAGES = ("numpy", "llvmlite", "torch", "jax", "scikit-learn", "autograd")


def describe_machine() -> dict[str, str]:
    """Return processor, cores, system and the versions of what is installed, for people."""
    return {
        "processor": _processor(),
        "cores": str(physical_cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "wengert": __version__,
        **_versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    stripped = {name.strip(): value.strip() for name, value in fields.items()}
    name = stripped.get("model name", platform.machine())
    # Virtual machines give the maker's name only.
    numbers = [stripped.get("cpu family"), stripped.get("model")]
    return f"{name} (family {numbers[0]}, model {numbers[1]})" if all(numbers) else name


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
