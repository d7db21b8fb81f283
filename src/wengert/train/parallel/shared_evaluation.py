"""How good a network is on rows that workers share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wengert.train.evaluation import Evaluation, NetworkEvaluator
from wengert.train.inputs import Rows
from wengert.train.parallel.shared_rows import SharedRows
from wengert.train.steps.state import Carry


@dataclass(frozen=True)
class SharedEvaluator:
    """Evaluates on the rows of each worker and returns the mean over all, the same on each.

    Rows that every worker has, such as those of validation, each evaluates by itself.

    Attributes
    ----------
    evaluate : NetworkEvaluator
        Of the rows of one worker.
    """

    evaluate: NetworkEvaluator

    def __call__(self, network: Carry, rows: Rows) -> Evaluation:
        """Evaluate the network with these arrays."""
        if not isinstance(rows, SharedRows):
            return self.evaluate(network, rows)
        own = Rows(rows.features, rows.targets, rows.weights)
        found = self.evaluate(network, own)
        accuracy = np.nan if found.accuracy is None else found.accuracy
        mine = np.array([found.loss, accuracy]) * len(own)
        everyone = rows.workers.all_gather(mine.tobytes())
        loss, correct = np.sum([np.frombuffer(data) for data in everyone], axis=0) / rows.total
        return Evaluation(float(loss), None if found.accuracy is None else float(correct))
