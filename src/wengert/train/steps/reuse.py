"""What was traced of a network and a rule, for the next run that has the same of both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.trace.captured import Captured
from wengert.trace.settings import settings, with_settings
from wengert.trace.tree import flatten, unflatten

_MOST = 32  # networks and rules; of each a few programs

# No lock: each operation is one step of the interpreter, and tracing twice is no error.
_known: OrderedDict[Hashable, tuple[Captured, dict[Any, Any]]] = OrderedDict()


def kept_for(net: Any, rule: Any, *others: Any) -> dict[Any, Any]:
    """Return the dictionary of what was traced of such a network and rule, to look in and to add to.

    It is a new one where what their code reads (globals, closures, attributes) is no longer what it was, or
    cannot be compared.

    Parameters
    ----------
    net : Module
        Its arrays count by shape and dtype alone.
    rule : object
        Counts without the values of its settings.
    *others : hashable objects
        What else decides.
    """
    leaves, structure = flatten(net)
    types = tuple([(np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves])
    form = with_settings(rule, dict.fromkeys(settings(rule), 1.0))
    key = structure, types, form, others
    try:
        found = _known.pop(key, None)
    except TypeError:  # a part that cannot be a key, such as a list
        return {}
    if found is None or not found[0].holds():
        captured = Captured((unflatten(structure, [None] * len(leaves)), form))
        if not captured.is_known:
            return {}
        found = captured, {}
    _known[key] = found
    while len(_known) > _MOST:
        _known.popitem(last=False)
    return found[1]
