"""JSON with one thing wrong: every leaf and every container changed, taken out or added to, in turn."""

import copy
import sys
from collections.abc import Iterator
from typing import Any

LONG = "x" * 100_000
DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
# Of every type, of every size, and what looks like a name of ours.
VALUES = (
    None, True, 0, -1, 10**7, 2**63 - 1, 10**400, -0.5, 5e-324, sys.float_info.max, "", "\x00\x1b[2J", LONG,
    [], [1], ["a"], {}, {"type": "Dense"}, DEEP,
)  # fmt: skip


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a document, of lists the first item."""
    yield path
    items = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):  # whose items are alike
        items = [(0, document[0])] if document else []
    for key, item in items:
        yield from places(item, (*path, key))


def mutants(document: Any, values: tuple[Any, ...] = VALUES) -> Iterator[tuple[str, Any]]:
    """Yield a description and a copy of the document, for each thing that can be wrong with it."""
    for path in places(document):
        if not path:
            yield from ((f"all is {_short(value)}", value) for value in values)
            continue
        where = ".".join(map(str, path))
        for value in values:
            changed, holder = _copied(document, path)
            holder[path[-1]] = value
            yield f"{where} = {_short(value)}", changed
        changed, holder = _copied(document, path)
        del holder[path[-1]]
        yield f"{where} is missing", changed
        changed, holder = _copied(document, path)
        if isinstance(holder, dict):
            holder["another"] = 1
        else:
            holder += holder
        yield f"more beside {where}", changed


def _copied(document: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    changed = holder = copy.deepcopy(document)
    for key in path[:-1]:
        holder = holder[key]
    return changed, holder


def _short(value: Any) -> str:
    return type(value).__name__ if isinstance(value, (list, dict)) else repr(value)[:30]
