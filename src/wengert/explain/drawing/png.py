"""A drawing as PNG, rasterised from its SVG by resvg with the fonts that drawings bring along."""

from __future__ import annotations

from importlib.resources import as_file, files

from wengert.errors import ConfigurationError

_ZOOM = 2.0  # pixels of the picture for one of the drawing, so that it is sharp on dense screens


def png(svg: str) -> bytes:
    """Return an SVG as the bytes of a PNG file.

    Raises
    ------
    ConfigurationError
        When resvg-py is not installed.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise ConfigurationError(
            f"PNG needs resvg-py, which cannot be imported ({error}); SVG and DOT need nothing: "
            "save as .svg, or pip install 'wengert[draw]'"
        ) from None
    folder = files(__package__) / "fonts"
    with as_file(folder / "upright.ttf") as upright, as_file(folder / "italic.ttf") as italic:
        return bytes(
            resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_files=[str(upright), str(italic)])
        )
