"""What the system says of the processor: who made it, its caches and pages."""

from __future__ import annotations

import mmap
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
# Zen 4, which computes 512 bits in two halves: one such multiply-add begins in a cycle. (Zen 3 has none.)
_ONE_WIDE_UNIT = {("AuthenticAMD", "25")}


@dataclass(frozen=True)
class Processor:
    """A processor as far as the shape of loops depends on it.

    Attributes
    ----------
    name : str
        For people.
    vendor, family, model, stepping : str
        As the processor says; empty where the system does not tell.
    l2_bytes : int
        Of the second-level cache.
    page_bytes : int
    recognised : bool
        Whether the system reports the sizes of the caches; otherwise they are those of small processors.
    """

    name: str = "unknown"
    vendor: str = ""
    family: str = ""
    model: str = ""
    stepping: str = ""
    l2_bytes: int = 2**18
    page_bytes: int = 4096
    recognised: bool = False

    @property
    def has_one_wide_unit(self) -> bool:
        """Whether one multiply-add of 512 bits begins in a cycle, and not two."""
        return (self.vendor, self.family) in _ONE_WIDE_UNIT


UNKNOWN = Processor()


@lru_cache(maxsize=1)
def host_processor() -> Processor:
    """Return the processor that this process runs on."""
    fields = _fields()
    name = fields.get("model name", platform.processor() or platform.machine())
    family, model = fields.get("cpu family", ""), fields.get("model", "")
    # Virtual machines give the maker's name only.
    shown = f"{name} (family {family}, model {model})" if family and model else name
    reported = _second_level_bytes()
    return Processor(
        shown,
        fields.get("vendor_id", ""),
        family,
        model,
        fields.get("stepping", ""),
        reported or Processor.l2_bytes,
        mmap.PAGESIZE,
        bool(reported),
    )


def _fields() -> dict[str, str]:
    """Return what Linux says of the last processor."""
    try:
        lines = _CPUINFO.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _second_level_bytes() -> int:
    """Return the size of the second-level cache; 0 where the system does not tell."""
    try:
        for index in sorted(_CACHES.glob("index*")):
            if (index / "level").read_text().strip() == "2":
                size = (index / "size").read_text().strip()
                return int(size.removesuffix("K")) * 1024
    except (OSError, ValueError):
        pass
    return 0
