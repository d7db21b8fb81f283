"""A drawing as PNG, rasterised from its SVG by resvg with the fonts that drawings bring along."""

from __future__ import annotations

from importlib.resources import as_file, files

from wengert.extras import optional_library

_ZOOM = 2.0  # pixels of the picture for one of the drawing, so that it is sharp on dense screens


def png(svg: str) -> bytes:
    """Return an SVG as the bytes of a PNG file.

    Raises
    ------
    ConfigurationError
        When resvg-py is not installed.
    """
    resvg_py = optional_library("resvg_py", "PNG (unlike SVG) is made with resvg-py", "draw")
    folder = files(__package__) / "fonts"
    with as_file(folder / "upright.ttf") as upright, as_file(folder / "italic.ttf") as italic:
        return bytes(
            resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_files=[str(upright), str(italic)])
        )
