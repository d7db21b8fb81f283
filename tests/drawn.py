"""How many random examples a test draws."""

import os


def random_examples(usual: int, *, explore: int) -> int:
    """Return the usual number, or many where `HYPOTHESIS_PROFILE=explore` asks for a search."""
    return explore if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else usual
