"""What predictions of rows that a model had not seen say beside its scores: how wide intervals are, and where
the threshold of two classes lies best.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from wengert.storage.records import to_plain
from wengert.tabular.scoring.conformal import Nonconformity
from wengert.tabular.scoring.thresholds import best_f1_threshold
from wengert.tabular.table_model import TableModel


@dataclasses.dataclass(frozen=True)
class HeldOutResults:
    """Predictions of some rows beside the truth.

    Attributes
    ----------
    nonconformity : numpy.ndarray
        As `TableModel.nonconformity`.
    positive, probabilities : numpy.ndarray
        Of the second of two classes; without rows where there are not two.
    """

    nonconformity: np.ndarray
    positive: np.ndarray
    probabilities: np.ndarray

    @staticmethod
    def of(model: TableModel, frame: pl.DataFrame, outputs: np.ndarray | None = None) -> HeldOutResults:
        """Take what a model says of rows whose target is known; see `TableModel.nonconformity`."""
        off = model.nonconformity(frame, outputs)
        if len(model.preprocessor.target.classes) != 2:
            return HeldOutResults(off, np.zeros(0, np.bool_), np.zeros(0))
        positive = model.preprocessor.transform_target(frame) == 1
        return HeldOutResults(off, positive, np.where(positive, 1 - off, off))


def record_of(results: Sequence[HeldOutResults]) -> dict[str, Any]:
    """Return what the record of a training run keeps of results: of the folds, or of rows held out."""
    if not results:
        return {"nonconformity": None, "f1_threshold": None}
    off, positive, probabilities = (
        np.concatenate([getattr(one, name) for one in results])
        for name in ("nonconformity", "positive", "probabilities")
    )
    return {
        "nonconformity": to_plain(Nonconformity.of(off)),
        "f1_threshold": best_f1_threshold(positive, probabilities) if positive.size else None,
    }
