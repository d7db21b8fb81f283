"""Every primitive, declared once with all its rules, one file per family."""

from wengert.primitives import (
    arithmetic as arithmetic,
    comparison as comparison,
    contraction as contraction,
    exponential as exponential,
    indexing as indexing,
    library as library,
    movement as movement,
    random as random,
    reductions as reductions,
    rounding as rounding,
    selection as selection,
    trigonometric as trigonometric,
)
