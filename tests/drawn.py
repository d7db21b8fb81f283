"""How many random examples a test draws."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

# The alphabet that `st.text` has by default, which that works out by encoding every character in UTF-8.
CHARACTERS = st.characters(exclude_categories=["Cs"])


def random_examples(usual: int, *, explore: int) -> int:
    """Return the usual number, or many where `HYPOTHESIS_PROFILE=explore` asks for a search."""
    return explore if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else usual


def thinned(examples: Iterable[T], usual: int) -> Iterator[T]:
    """Return one of `usual` examples, or all where `HYPOTHESIS_PROFILE=explore` asks for a search."""
    return islice(examples, 0, None, random_examples(usual, explore=1))
