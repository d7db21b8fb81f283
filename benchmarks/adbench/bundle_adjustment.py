"""Reprojection error of points seen by cameras with radial distortion."""

from __future__ import annotations

from typing import Any

import numpy

SIZES = {"tiny": 7, "small": 1_000, "medium": 30_000, "large": 300_000}  # observations
CAMERA, POINT = 11, 3


def data(size: str) -> dict[str, Any]:
    """Return for each observation its camera, point, weight and where it was seen; three to differentiate by.

    A camera is rotation vector (3), centre (3), focal length, principal point (2), distortion (2). Each
    observation has its own rows of cameras and points: the Jacobian of all residuals consists of blocks of
    2 × 15, one for each observation.
    """
    observations = SIZES[size]
    rng = numpy.random.default_rng(0)
    cameras = rng.normal(size=(max(20, observations // 500), CAMERA))
    cameras[:, 9:] *= 0.01
    points = rng.normal(size=(max(100, observations // 4), POINT)) + numpy.array([0, 0, 6])
    return {
        "cameras": cameras[rng.integers(0, len(cameras), observations)],
        "points": points[rng.integers(0, len(points), observations)],
        "weights": rng.random(observations),
        "seen": rng.normal(size=(observations, 2)),
    }


def objective(cameras: Any, points: Any, weights: Any, seen: Any, np: Any = numpy) -> tuple[Any, Any]:
    """wᵢ (project(cameraᵢ, pointᵢ) − seenᵢ): both coordinates of each residual.

    Parameters
    ----------
    cameras : array, shape (p, 11)
    points : array, shape (p, 3)
    weights : array, shape (p,)
    seen : array, shape (p, 2)
    """
    u, v = project(cameras, points, np)
    return weights * (u - seen[:, 0]), weights * (v - seen[:, 1])


def project(cameras: Any, points: Any, np: Any) -> tuple[Any, Any]:
    """Rotate by Rodrigues' formula, divide by the depth, distort: f (1 + κ₁ r² + κ₂ r⁴) p + p₀."""
    x, y, z = rotate(
        [cameras[:, axis] for axis in range(3)],
        [points[:, axis] - cameras[:, 3 + axis] for axis in range(3)],
        np,
    )
    p, q = x / z, y / z
    square = p * p + q * q
    scale = cameras[:, 6] * (1 + square * (cameras[:, 9] + square * cameras[:, 10]))
    return scale * p + cameras[:, 7], scale * q + cameras[:, 8]


def rotate(by: list[Any], point: list[Any], np: Any) -> tuple[Any, Any, Any]:
    """X cos θ + (w × X) sin θ + w (w·X)(1 − cos θ) with θ = ‖r‖ and w = r/θ."""
    angle = np.sqrt(by[0] * by[0] + by[1] * by[1] + by[2] * by[2])
    cosine, sine = np.cos(angle), np.sin(angle)
    a, b, c = (component / angle for component in by)
    x, y, z = point
    along = (a * x + b * y + c * z) * (1 - cosine)
    return (
        x * cosine + (b * z - c * y) * sine + a * along,
        y * cosine + (c * x - a * z) * sine + b * along,
        z * cosine + (a * y - b * x) * sine + c * along,
    )
