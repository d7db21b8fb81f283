"""What a layered drawing is made of: boxes and arrows with sizes, and where they were put."""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[float, float]
Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge of an acyclic graph.

    Attributes
    ----------
    tail, head : int
        Numbers of the boxes that it leaves and enters.
    label : (float, float)
        Width and height of what is written beside it, in pixels; zero where nothing is.
    """

    tail: int
    head: int
    label: Size = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Route:
    """Where an arrow runs: from point to point downwards, straight where two points share their x.

    Attributes
    ----------
    points : tuple of (float, float)
        From the bottom of the tail to the top of the head; pixels. Of one that returns, all its corners too.
    label : (float, float) or None
        Left end and vertical middle of its label.
    returns : bool
    """

    points: tuple[Position, ...]
    label: Position | None
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """A finished drawing.

    Attributes
    ----------
    centres : tuple of (float, float)
        Of the boxes; pixels, y downwards.
    routes : tuple of Route
        Of the arrows.
    width, height : float
        Of the whole.
    """

    centres: tuple[Position, ...]
    routes: tuple[Route, ...]
    width: float
    height: float
