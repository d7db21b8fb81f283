"""Hand tracking: how far the skin of a hand, which follows its bones, is from points that were measured."""

from __future__ import annotations

from typing import Any

import numpy

BONES, VERTICES, POINTS = 22, 500, 100


def data() -> list[Any]:
    """Return 26 parameters of a pose, the hand at rest, and points that were measured on it.

    The hand: base positions of the vertices, shape (v, 3), and their weights on the bones, shape (b, v).
    """
    rng = numpy.random.default_rng(0)
    weights = rng.random((BONES, VERTICES)) ** 8
    return [
        0.3 * rng.normal(size=26),
        rng.normal(size=(VERTICES, 3)),
        weights / weights.sum(axis=0),
        rng.integers(0, VERTICES, POINTS),
        rng.normal(size=(POINTS, 3)),
    ]


def objective(pose: Any, base: Any, weights: Any, which: Any, measured: Any, np: Any = numpy) -> Any:
    """Return the coordinates of measured points less those of their vertices, shape (3 p,).

    Parameters
    ----------
    pose : array, shape (26,)
        Rotation vector and place of the wrist, then four angles of each of five fingers: two of the first
        joint, one of each other.
    """
    whole = _rotation(pose[:3], np)
    bones = [whole, whole]
    for finger in range(5):
        angles = pose[6 + 4 * finger : 10 + 4 * finger]
        turned = whole @ _about(angles[0], 2, np) @ _about(angles[1], 0, np)
        for joint in range(4):
            if joint > 1:
                turned = turned @ _about(angles[joint], 0, np)
            bones.append(turned)
    turned_points = np.stack([base @ bone.T for bone in bones])
    skin = np.sum(weights[:, :, None] * turned_points, 0) + pose[3:6]
    return np.reshape(measured - skin[which], (-1,))


def _about(angle: Any, axis: int, np: Any) -> Any:
    """Return the rotation about an axis of the coordinates."""
    c, s, zero = np.cos(angle), np.sin(angle), 0 * angle
    rows = {
        0: [[zero + 1, zero, zero], [zero, c, -s], [zero, s, c]],
        2: [[c, -s, zero], [s, c, zero], [zero, zero, zero + 1]],
    }[axis]
    return np.stack([np.stack(row) for row in rows])


def _rotation(by: Any, np: Any) -> Any:
    """I + sin θ/θ W + (1 − cos θ)/θ² W² by Rodrigues."""
    angle = np.sqrt(np.sum(by * by))
    zero = 0 * angle
    cross = np.stack(
        [
            np.stack([zero, -by[2], by[1]]),
            np.stack([by[2], zero, -by[0]]),
            np.stack([-by[1], by[0], zero]),
        ]
    )
    turned = np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * (cross @ cross)
    return turned + np.stack([np.stack([zero + (row == column) for column in range(3)]) for row in range(3)])
