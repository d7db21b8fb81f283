"""scikit-learn's MLPClassifier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import ThreadpoolController

from wengert.benchmark.candidate import SEED, Candidate, Training, seconds_of
from wengert.benchmark.configurations import ADAM_RATE, SGD_RATE, Configuration


def candidates(configuration: Configuration, rule: str, threads: int) -> list[Candidate]:
    """Return an epoch as a call of `partial_fit`, with one thread of the BLAS and with all."""
    configuration = configuration.shortened()
    features, classes = configuration.data()
    known = np.unique(classes) if configuration.binary else np.arange(configuration.sizes[-1])
    blas = ThreadpoolController()

    def training(count: int) -> Callable[[int], Training]:
        def run(epochs: int) -> Training:
            # It draws its own initial parameters and order of the rows.
            model = MLPClassifier(
                hidden_layer_sizes=configuration.sizes[1:-1],
                activation="logistic" if configuration.activation == "sigmoid" else "relu",
                solver=rule.lower(),
                alpha=0.0,
                batch_size=configuration.batch,
                learning_rate_init=ADAM_RATE if rule == "Adam" else SGD_RATE,
                momentum=0.0,
                nesterovs_momentum=False,
                random_state=SEED,
            )
            with blas.limit(limits=count, user_api="blas"):
                seconds = seconds_of(
                    lambda number: model.partial_fit(features, classes, classes=known), epochs, threads
                )
            layers = zip(model.coefs_, model.intercepts_, strict=True)
            return Training(
                seconds, epochs * configuration.steps, [array for layer in layers for array in layer]
            )

        return run

    return [
        Candidate(f"MLPClassifier.partial_fit, {count} BLAS thread{'s' * (count > 1)}", training(count))
        for count in sorted({1, threads})
    ]
