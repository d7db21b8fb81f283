"""Callbacks of the estimators: scikit-learn's protocol (from 1.9 on) and the trainer's own.

All that depends on `sklearn.callback` stands here; an older scikit-learn leaves the trainer's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from wengert.errors import ConfigurationError
from wengert.train.callbacks import Callback, Stop, TrainingState

try:
    from sklearn.callback import (
        CallbackSupportMixin,
        FitCallback,
        with_callbacks as with_callbacks,
    )
except ImportError:  # scikit-learn before 1.9
    FitCallback = None

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for scikit-learn's where there is none."""

        def set_callbacks(self, *callbacks: Any) -> Any:
            """Take no callbacks: there is no protocol."""
            return self

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is: there is nothing to end."""
        return method


class CallbackSupport(CallbackSupportMixin):
    """What gives an estimator `set_callbacks`."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set the callbacks of the next calls of `fit`; no argument removes all.

        Parameters
        ----------
        *callbacks : sklearn.callback.FitCallback or wengert.train.Callback
            Either protocol, in any mixture. A clone of the estimator has the same callbacks.

        Returns
        -------
        self

        Raises
        ------
        ConfigurationError
            For an object of neither protocol, naming it.
        """
        own = [callback for callback in callbacks if isinstance(callback, Callback)]
        others = [callback for callback in callbacks if not isinstance(callback, Callback)]
        for other in others:
            _refuse_stranger(other)
        super().set_callbacks(*others)
        self.__dict__.pop("_own_callbacks", None)
        if own:
            self._own_callbacks = own
        return self

    def __sklearn_clone__(self) -> Self:
        copy: Self = super().__sklearn_clone__()
        if hasattr(self, "_own_callbacks"):
            copy._own_callbacks = self._own_callbacks
        return copy

    def _training_callbacks(self, X: Any, y: Any, metadata: dict[str, Any], epochs: int) -> list[Callback]:
        """Return all callbacks as the trainer takes them."""
        own: list[Callback] = list(getattr(self, "_own_callbacks", ()))
        if hasattr(self, "_skl_callbacks") or hasattr(self, "_parent_callback_ctx"):
            own.append(_FitTasks(self, X, y, metadata, epochs))
        return own


def _refuse_stranger(callback: Any) -> None:
    """Raise `ConfigurationError` for what is no callback of scikit-learn."""
    if isinstance(callback, type):
        raise ConfigurationError(
            f"set_callbacks: {callback.__name__} is a class; give an instance of it, {callback.__name__}(…)"
        )
    if FitCallback is None or not isinstance(callback, FitCallback):
        theirs = "which needs scikit-learn 1.9" if FitCallback is None else "sklearn.callback.FitCallback"
        raise ConfigurationError(
            f"set_callbacks: {callback!r} is no callback. Derive a class from wengert.train.Callback, with a "
            f"method such as on_epoch_end(self, state), or follow the protocol of scikit-learn, {theirs}"
        )


class _FitTasks(Callback):
    """Tells scikit-learn's callbacks of the fit and of each epoch, as a task and its subtasks."""

    def __init__(self, estimator: Any, X: Any, y: Any, metadata: dict[str, Any], epochs: int) -> None:
        self._estimator = estimator
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._root = estimator._init_callback_context(max_subtasks=epochs)
        self._epoch: Any = None

    def on_train_begin(self, state: TrainingState) -> None:
        """The fit begins."""
        self._root.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def on_epoch_begin(self, state: TrainingState) -> None:
        """An epoch begins."""
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """An epoch has ended; a callback that returns true ends the training."""
        stop = self._end(self._epoch, state)
        return Stop("callback") if stop else None

    def on_train_end(self, state: TrainingState) -> None:
        """The fit has ended."""
        self._end(self._root, state)

    def _end(self, context: Any, state: TrainingState) -> bool:
        fitted = {"network_": state.net}
        stop: bool = context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=fitted, **self._data
        )
        return stop
