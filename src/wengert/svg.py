"""Text of SVG pictures, for charts and drawings alike: elements, paths, whole documents."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from wengert.printable import printable


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def safe(text: str) -> str:
    """Return text as it stands between tags or in an attribute."""
    return escape(printable(text), quote=True)


def element(name: str, *content: str, **attributes: str | float | None) -> str:
    """Return an element.

    Parameters
    ----------
    name : str
    *content : str
        What stands in it: elements, or text made `safe`.
    **attributes : str or float or None
        ``class_`` stands for ``class``, and an underscore within a name for a hyphen; None is left out.
    """
    written = ""
    for key, value in attributes.items():
        if value is not None:
            shown = safe(value) if isinstance(value, str) else number(value)
            written += f' {key.rstrip("_").replace("_", "-")}="{shown}"'
    return f"<{name}{written}>{''.join(content)}</{name}>" if content else f"<{name}{written}/>"


def points(places: Iterable[tuple[float, float]]) -> str:
    """Return places as the ``points`` of a polyline."""
    return " ".join(f"{number(x)},{number(y)}" for x, y in places)


def document(
    width: float, height: float, title: str, content: Iterable[str], class_: str | None = None
) -> str:
    """Return a picture.

    Parameters
    ----------
    width, height : float
        Pixels.
    title : str
        What it shows, for those who cannot see it.
    content : iterable of str
        Elements.
    class_ : str, optional
        For style sheets.
    """
    return element(
        "svg", element("title", safe(title)), *content,
        xmlns="http://www.w3.org/2000/svg", class_=class_, width=width, height=height,
        viewBox=f"0 0 {number(width)} {number(height)}", role="img", aria_label=title,
    )  # fmt: skip
