"""What the arguments of the constructor mean where they are left at "auto".

A preset has its own value for most arguments, and has to know which of them the user gave. Comparing with
scikit-learn's defaults would miss ``max_iter=200``, and a record of what was given cannot tell a search that
sets ``max_iter=200`` from ``set_params(**get_params())``. So what is not given has a value of its own, as
`batch_size` has it in scikit-learn.
"""

from __future__ import annotations

from typing import Any

AUTO = "auto"

# scikit-learn's defaults, and ours of the arguments that it does not have.
DEFAULTS: dict[str, Any] = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 0.0001,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "power_t": 0.5,
    "max_iter": 200,
    "tol": 1e-4,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
    "label_smoothing": 0.0,
    "dropout": 0.0,
}


def is_auto(value: Any) -> bool:
    """Return whether an argument was left to the estimator or its preset; arrays are compared with care."""
    return isinstance(value, str) and value == AUTO


class Arguments:
    """The arguments of an estimator without a preset, with the default in place of each "auto".

    `batch_size` keeps it: how many rows that is depends on the table.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._estimator, name)
        return DEFAULTS[name] if name in DEFAULTS and is_auto(value) else value
