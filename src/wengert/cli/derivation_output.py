"""Where a derivation goes: the terminal, a file, or the browser; as text, LaTeX, HTML or JSON."""

from __future__ import annotations

import dataclasses
import tempfile
import webbrowser
from pathlib import Path

from wengert.cli.console import error_console, label_and_text, write
from wengert.errors import ConfigurationError
from wengert.explain.derivation import Derivation
from wengert.explain.formula.parser import nearest
from wengert.explain.printers.text import WIDTH
from wengert.storage import refuse_unwritable, write_file

_FORMATS = ("text", "latex", "html", "json")
_SUFFIXES = {".txt": "text", ".tex": "latex", ".html": "html", ".htm": "html", ".json": "json"}


@dataclasses.dataclass(frozen=True)
class Output:
    """What was asked for.

    Attributes
    ----------
    format : str or None
        By default that of the file's suffix, HTML for the browser, else text.
    file : str or None
        Standard output by default.
    browser : bool
        Whether to show it in the browser, which needs HTML.
    """

    format: str | None
    file: str | None
    browser: bool

    @property
    def form(self) -> str:
        """The format."""
        if self.format is not None:
            return self.format
        if self.browser:
            return "html"
        return _SUFFIXES.get(Path(self.file).suffix.lower(), "text") if self.file else "text"

    def check(self) -> None:
        """Refuse what cannot be done before anything is derived.

        Raises
        ------
        ConfigurationError, ModelFileError
        """
        if self.form not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise ConfigurationError(
                f"--format {self.form} is not one of {known}{nearest(self.form, _FORMATS)}"
            )
        suffix = Path(self.file).suffix.lower() if self.file else ""
        if self.format is None and suffix and suffix not in _SUFFIXES:
            known = ", ".join(_SUFFIXES)
            raise ConfigurationError(
                f"--out {self.file}: a derivation is written as {known}; or say --format"
            )
        if self.browser and self.form != "html":
            raise ConfigurationError(f"--open shows HTML in the browser, not {self.form}; leave out --format")
        if self.file:
            refuse_unwritable(Path(self.file))

    def write(self, derivation: Derivation) -> None:
        """Print the derivation, or write it to the file and say so."""
        text = _written(derivation, self.form, None if self.file is None else WIDTH)
        if self.file is None and not self.browser:
            write(f"{text}\n", verbatim=self.form != "text")
            return
        path = Path(self.file) if self.file else Path(tempfile.mkdtemp(prefix="wengert-")) / "derivation.html"
        write_file(path, (text + "\n").encode("utf-8"))
        write(f"written to {path}; {derivation.verification}\n")
        if self.browser and not webbrowser.open(path.resolve().as_uri()):
            error_console().print(label_and_text("warning", f"no browser was found; open {path} yourself"))


def _written(derivation: Derivation, form: str, width: int | None) -> str:
    if form == "latex":
        return derivation.to_latex(standalone=True).rstrip("\n")
    if form == "html":
        return derivation.to_html()
    if form == "json":
        return derivation.to_json()
    return f"{derivation.to_text(width)}\n\nChecked: {derivation.verification}."
