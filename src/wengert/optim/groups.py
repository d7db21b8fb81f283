"""Different optimisers, or different learning rates, for different parameters of one network."""

from __future__ import annotations

import dataclasses
import fnmatch
from typing import Any, ClassVar

from wengert.errors import ConfigurationError
from wengert.optim.optimiser import LearningRate, Optimiser, State


@dataclasses.dataclass(frozen=True)
class ParameterGroups:
    """An optimiser for each group of parameters, selected by their paths.

    Parameters
    ----------
    groups : tuple of (str, Optimiser)
        Patterns of paths (``*`` stands for anything, ``?`` for one character), such as ``"*.bias"``. A
        parameter belongs to the first group whose pattern it matches.
    otherwise : Optimiser
        For the parameters that no pattern matches.

    Raises
    ------
    ConfigurationError
        When a group is no pair of a pattern and an optimiser that is traced into the step.

    Examples
    --------
    Biases learn at a tenth of the rate, and without weight decay:

    >>> from wengert import optim
    >>> rate = 1e-3
    >>> optimizer = optim.ParameterGroups((("*.bias", optim.Adam(0.1 * rate)),), optim.AdamW(rate))
    """

    groups: tuple[tuple[str, Optimiser], ...]
    otherwise: Optimiser

    settings: ClassVar = ("groups", "otherwise")

    def __post_init__(self) -> None:
        for group in self.groups:
            if not isinstance(group, tuple) or len(group) != 2 or not isinstance(group[0], str):
                raise ConfigurationError(
                    f"ParameterGroups: a group is a pair (pattern of paths, optimiser), got {group!r}"
                )
        for optimizer in (*(optimizer for _, optimizer in self.groups), self.otherwise):
            if not callable(getattr(optimizer, "update", None)):
                raise ConfigurationError(
                    f"ParameterGroups: {optimizer!r} is no optimiser that takes steps; use SGD, Adam, AdamW "
                    "or RMSProp"
                )

    @property
    def learning_rate(self) -> LearningRate:
        """The rate, or schedule, of the parameters that no pattern matches."""
        return self.otherwise.learning_rate

    def init(self, parameters: dict[str, Any]) -> State:
        """Return the state before the first step: that of each group.

        Parameters
        ----------
        parameters : dict of path to array

        Raises
        ------
        ConfigurationError
            When a pattern matches no parameter, or none that an earlier pattern does not match.
        """
        parts = self._parts(parameters)
        for (pattern, _), part in zip(self.groups, parts, strict=False):
            if not part:
                raise ConfigurationError(
                    f"ParameterGroups: the pattern {pattern!r} is left without parameters; there are "
                    f"{', '.join(parameters)}"
                )
        members = zip(self._optimizers(), parts, strict=True)
        return {"groups": [optimizer.init(part) for optimizer, part in members]}

    def update(
        self, parameters: dict[str, Any], gradients: dict[str, Any], state: State
    ) -> tuple[dict[str, Any], State]:
        """Return the parameters and the state after one step of each group's optimiser."""
        updated: dict[str, Any] = {}
        states = []
        for optimizer, part, before in zip(
            self._optimizers(), self._parts(parameters), state["groups"], strict=True
        ):
            new, after = optimizer.update(part, {path: gradients[path] for path in part}, before)
            updated |= new
            states.append(after)
        return {path: updated[path] for path in parameters}, {"groups": states}

    def _optimizers(self) -> list[Optimiser]:
        return [*(optimizer for _, optimizer in self.groups), self.otherwise]

    def _parts(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the parameters of each group, and last those of none."""
        parts: list[dict[str, Any]] = [{} for _ in self._optimizers()]
        for path, value in parameters.items():
            matching = (
                number
                for number, (pattern, _) in enumerate(self.groups)
                if fnmatch.fnmatchcase(path, pattern)
            )
            parts[next(matching, len(self.groups))][path] = value
        return parts
