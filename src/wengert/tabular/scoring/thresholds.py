"""From which probability on the second of two classes is predicted: by costs, or for the best F₁."""

from __future__ import annotations

import numpy as np

from wengert.errors import ConfigurationError


def best_f1_threshold(positive: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the threshold with the highest F₁ on some rows, in the middle between two probabilities.

    Parameters
    ----------
    positive : numpy.ndarray
        Booleans, shape (rows,).
    probabilities : numpy.ndarray
        Of being so, shape (rows,).

    Returns
    -------
    float or None
        None where no row is positive.
    """
    if not positive.any():
        return None
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    hits = np.cumsum(positive[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1])
    # Rows of the same probability are predicted alike.
    last = np.append(np.diff(falling) < 0, True)
    best = int(np.argmax(np.where(last, f1, -1.0)))
    below = falling[best + 1] if best + 1 < len(falling) else 0.0
    return float((falling[best] + below) / 2)


def threshold_of(text: str, classes: int, f1_threshold: float | None) -> float:
    """Read a threshold: ``0.3``, ``f1``, or ``cost=5``.

    Parameters
    ----------
    text : str
        ``cost=5`` says that to miss a row of the second class costs 5 times a false alarm, which a
        probability of 1 / (1 + 5) balances.
    classes : int
        Of the model.
    f1_threshold : float or None
        What `best_f1_threshold` gave on rows that the model had not seen.

    Raises
    ------
    ConfigurationError
        If the model has not two classes, or the text is none of these.
    """
    if classes != 2:
        what = f"{classes} classes" if classes else "no classes"
        raise ConfigurationError(
            f"--threshold decides between two classes, and the model has {what}. Leave it out."
        )
    if text == "f1":
        if f1_threshold is None:
            raise ConfigurationError(
                "--threshold f1 is found on rows held out of both classes, and the model had none. Train "
                "with --test-fraction, --test or --cv, or give a probability."
            )
        return f1_threshold
    costs, value = text.startswith("cost="), text.removeprefix("cost=")
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not (0 < number < np.inf if costs else 0 <= number <= 1):
        raise ConfigurationError(
            "--threshold is a probability from 0 to 1, f1, or cost=5 where a row of the second class that "
            f"is missed costs 5 times a false alarm; got {text!r}."
        )
    return 1 / (1 + number) if costs else number
