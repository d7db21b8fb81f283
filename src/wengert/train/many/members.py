"""What the members of `fit_many` have in common and what not, checked before any of them begins."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from wengert.checks import is_integer, unknown_name
from wengert.errors import ConfigurationError
from wengert.nn import Module
from wengert.nn.arrays import parameters
from wengert.optim import Adam
from wengert.train.fit import fit
from wengert.train.inputs import Rows

# How `fit` is called with nothing said, by the name of the argument.
_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(fit).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}
# Why an argument of `fit` cannot be given for all members, or for one.
_ALONE = dict.fromkeys(
    ("workers", "total_rows", "mesh", "shard"), "several workers or devices train one network at a time"
)
_NOT_SHARED = _ALONE | dict.fromkeys(("callbacks", "checkpoint"), "give each member its own in settings")
_ONLY_SHARED = _ALONE | dict.fromkeys(
    ("executor", "threads", "dtype", "device", "precision", "time_limit", "progress"),
    "it is the same for all",
)


@dataclass(frozen=True)
class Member:
    """One of several networks to train.

    Attributes
    ----------
    name : str
        For messages: its place, and what it has of its own.
    network : Module
        Initialised.
    arguments : dict
        Those of `fit` that are keywords.
    split : pair of arrays or None
        Positions of the rows to train on and of those to validate on.
    """

    name: str
    network: Any
    arguments: dict[str, Any]
    split: tuple[Any, Any] | None

    def of(self, rows: Rows, weights: Any) -> dict[str, Any]:
        """Return all arguments of `fit`, for its part of the rows.

        Parameters
        ----------
        rows : Rows
            All rows.
        weights : ndarray, shape (rows,), or None
            Of all rows.
        """
        arguments = {**self.arguments, "sample_weight": weights}
        if self.split is None:
            return {"net": self.network, "X": rows.features, "y": rows.targets, **arguments}
        kept, held = (_positions(places, len(rows), self.name) for places in self.split)
        X, y = rows.features, rows.targets
        weighted = [] if weights is None else [weights[held]]
        arguments["validation_data"] = X[held], y[held], *weighted
        arguments["sample_weight"] = None if weights is None else weights[kept]
        return {"net": self.network, "X": X[kept], "y": y[kept], **arguments}


def members_of(
    networks: Any,
    seeds: Any,
    settings: Sequence[Mapping[str, Any]] | None,
    splits: Sequence[Any] | None,
    options: Mapping[str, Any],
) -> list[Member]:
    """Return the members; parameters as for `fit_many`.

    Raises
    ------
    ConfigurationError
    """
    _check_names(options, _DEFAULTS, _NOT_SHARED)
    given: dict[str, list[Any] | None] = {
        "networks": list(networks) if isinstance(networks, (tuple, list)) else None,
        "seeds": _seeds(seeds),
        "settings": _entries("settings", settings, "a dict of arguments", _is_mapping),
        "splits": _entries("splits", splits, "a pair of arrays of positions", _is_pair),
    }
    count = _count({name: len(value) for name, value in given.items() if value is not None})
    members: list[Member] = []
    known: dict[Any, int] = {}
    for place in range(count):
        own: dict[str, Any] = {name: None if value is None else value[place] for name, value in given.items()}
        network = networks if own["networks"] is None else own["networks"]
        seed = options.get("seed", 0) if own["seeds"] is None else own["seeds"]
        changed = dict(own["settings"] or {})
        said = [*([] if own["seeds"] is None else [f"seed {seed}"]), *_texts(changed)]
        name = f"member {place}" + (f" ({', '.join(said)})" if said else "")
        key = id(network), seed, frozenset((one, _identity(value)) for one, value in changed.items())
        other = known.setdefault((*key, id(own["splits"])), place)
        if other != place:
            raise ConfigurationError(f"fit_many: {name} is member {other} again: give it another seed")
        arguments = _arguments(name, {**options, "seed": seed}, changed)
        members.append(Member(name, _initialised(network, seed), arguments, own["splits"]))
    return members


def _seeds(seeds: Any) -> list[Any] | None:
    if seeds is None:
        return None
    if is_integer(seeds):
        if seeds < 2:
            raise ConfigurationError(f"fit_many: seeds is 2 or more, or a list of them, got {seeds!r}")
        return list(range(int(seeds)))
    return _entries("seeds", seeds, "an integer", is_integer)


def _entries(name: str, given: Any, what: str, is_one: Callable[[Any], bool]) -> list[Any] | None:
    """Return what is given for each member, after a look at each."""
    if given is None:
        return None
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise ConfigurationError(f"fit_many: {name} has an entry for each member, got {given!r}")
    entries = list(given)
    for place, one in enumerate(entries):
        if not is_one(one):
            raise ConfigurationError(f"fit_many: each of {name} is {what}, and entry {place} is {one!r}")
    return entries


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2


def _count(lengths: dict[str, int]) -> int:
    if not lengths:
        raise ConfigurationError(
            "fit_many: say what the networks differ in: a list of networks, seeds, settings or splits"
        )
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise ConfigurationError(f"fit_many: one of each belongs to a member, and there are {found}")
    name, count = next(iter(lengths.items()))
    if count < 2:
        raise ConfigurationError(f"fit_many: {name} has {count} entries; two or more train together")
    return count


def _check_names(given: Mapping[str, Any], known: Iterable[str], refused: Mapping[str, str]) -> None:
    for name in given:
        if name in refused:
            raise ConfigurationError(f"fit_many: {name} is no such argument: {refused[name]}")
        if name not in known:
            raise unknown_name("fit_many", "argument", name, [one for one in known if one not in refused])


def _arguments(name: str, common: dict[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of `fit`: those of all, with what a member changes in them or in the optimiser."""
    arguments = {**_DEFAULTS, **common, **{one: changed[one] for one in changed if one in _DEFAULTS}}
    optimizer = Adam() if arguments["optimizer"] is None else arguments["optimizer"]
    numbers = [field.name for field in fields(optimizer)] if is_dataclass(optimizer) else []
    known = [one for one in (*_DEFAULTS, *numbers) if one != "seed"]
    try:
        _check_names(changed, known, _ONLY_SHARED)
        of_optimizer = {one: changed[one] for one in changed if one not in _DEFAULTS}
        if of_optimizer:
            arguments["optimizer"] = replace(optimizer, **of_optimizer)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    return arguments


def _initialised(network: Any, seed: int) -> Any:
    """Return a network with all arrays: one that has none yet is initialised with the seed."""
    if not isinstance(network, Module):
        raise ConfigurationError(f"fit_many: networks are modules, got {type(network).__name__}")
    return network if parameters(network) else network.initialise(seed)


def _positions(places: Any, rows: int, name: str) -> Any:
    array = np.asarray(places)
    if array.dtype == bool:
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size:
        raise ConfigurationError(f"{name}: a split is two arrays of positions of rows, got {places!r}")
    if array.min() < 0 or array.max() >= rows:
        raise ConfigurationError(f"{name}: a split has positions beyond the {rows} rows")
    return array


def _identity(value: Any) -> Any:
    """Return what tells two settings apart: the value of a number or text, otherwise which object it is."""
    return value if isinstance(value, (int, float, str, bool, type(None))) else id(value)


def _texts(changed: Mapping[str, Any]) -> list[str]:
    return [f"{name} {value}" for name, value in changed.items() if isinstance(value, (int, float, str))]
