"""The way of the weights during training."""

from __future__ import annotations

from typing import Any

from wengert.train import Callback, Stop, TrainingState


class Trajectory(Callback):
    """Keeps the network of each epoch: pass it to `fit` as a callback, and to `loss_surface`.

    Attributes
    ----------
    networks : list of Module
        At the beginning, then after each epoch.
    """

    def __init__(self) -> None:
        self.networks: list[Any] = []

    def on_train_begin(self, state: TrainingState) -> None:
        """Keep the first network; a run that is resumed adds to what is there."""
        if not self.networks:
            self.networks.append(state.net)

    def on_epoch_end(self, state: TrainingState) -> Stop | None:
        """Keep the network."""
        self.networks.append(state.net)
        return None
