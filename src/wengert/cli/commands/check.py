"""`wengert check`: a gradient derived by hand, held against the true one."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.cli.console import write
from wengert.cli.formula_options import draw_arguments, read_claims, read_function, read_names
from wengert.explain.formula.traced_formula import check_names
from wengert.explain.grading.check_work import check_work

WRONG = 3


def run(
    formula: str, wrt: str | None, shape: str | None, at: Sequence[str], claims: list[str], seed: int
) -> int:
    """Print what is right and wrong with the claims; see `wengert.cli.app.check`."""
    function = read_function(formula, shape, at)
    names = read_names(wrt)
    check_names("--wrt", names, (*function.names, *(name for name, _ in function.formula.assignments)))
    claimed = read_claims(claims, names)
    report = check_work(function, *draw_arguments(function, shape, seed, at), claims=claimed)
    write(f"{report}\n")
    return 0 if report else WRONG
