"""Rewriting rules, by the primitive at the root of the pattern."""

from wengert.transform.rules import (
    algebra as algebra,
    folding as folding,
    movement as movement,
    stability as stability,
)
from wengert.transform.rules.table import RULES as RULES
