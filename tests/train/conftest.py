"""What several tests of training look at."""

from collections import OrderedDict

import pytest

from wengert.run import recent
from wengert.run.llvm import LLVMExecutor


@pytest.fixture
def loops(monkeypatch):
    """Return the loops that are made; nothing compiled before is used."""
    made = []
    original = LLVMExecutor.loop

    def recorded(self, *arguments):
        loop = original(self, *arguments)
        made.append(loop)
        return loop

    monkeypatch.setattr(LLVMExecutor, "loop", recorded)
    monkeypatch.setattr(recent, "_known", OrderedDict())
    return made
