"""`wengert explain`: the derivation of a formula's gradient."""

from __future__ import annotations

from wengert.cli.formula_options import draw_arguments, read_function, read_names
from wengert.errors import ConfigurationError
from wengert.explain.entry import explain
from wengert.explain.formula import nearest
from wengert.explain.formula_program import check_names

_FORMATS = ("text", "latex", "html", "json")


def run(
    formula: str, wrt: str | None, shape: str | None, form: str, seed: int, options: dict[str, str]
) -> int:
    """Print a derivation; see `wengert.cli.app.explain`."""
    if form not in _FORMATS:
        raise ConfigurationError(
            f"--format {form} is not one of {', '.join(_FORMATS)}{nearest(form, _FORMATS)}"
        )
    function = read_function(formula)
    names = read_names(wrt)
    check_names("--wrt", names, function.names)
    arguments = draw_arguments(function, shape, seed)
    derivation = explain(function, *arguments, wrt=names or None, **options)  # type: ignore[arg-type]
    written = {
        "text": derivation.__str__,
        "latex": lambda: derivation.to_latex(standalone=True),
        "html": derivation.to_html,
        "json": derivation.to_json,
    }
    print(written[form]().rstrip("\n"))
    if form == "text":
        print(f"\nChecked: {derivation.verification}.")
    return 0
