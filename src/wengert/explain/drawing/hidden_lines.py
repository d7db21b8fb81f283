"""Which layers and composites are drawn as one box, and which lines of the program that hides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wengert.errors import ConfigurationError
from wengert.explain.formula.parser import nearest
from wengert.explain.greek import displayed
from wengert.explain.index.definitions import has_formula, spaced, uniform_value
from wengert.ir.node import Node
from wengert.ir.program import Program
from wengert.ir.provenance import Region

# What is folded by each choice.
_KINDS: dict[str, tuple[str, ...]] = {
    "composites": ("composite", "loop"),
    "layers": ("composite", "layer", "loop"),
    "nothing": (),
}


@dataclass
class Folding:
    """The lines that are not drawn, and what stands for them.

    Attributes
    ----------
    hidden : set of Node
    folded : dict of Node to Region
        For each line of a folded region, the region.
    """

    hidden: set[Node] = field(default_factory=set)
    folded: dict[Node, Region] = field(default_factory=dict)

    def call(self, node: Node) -> str | None:
        """Return the name of the layer or composite that a drawn line is the result of."""
        region = self.folded.get(node)
        return None if region is None else displayed(region.name)

    def written_out(self, node: Node) -> bool:
        """Whether all that is hidden behind a line can be written as a formula of what is drawn."""
        stack = [node]
        while stack:
            current = stack.pop()
            if not has_formula(current) or (spaced(current) and current.inputs[0] in self.hidden):
                return False
            operands = [one for one in current.inputs if one in self.hidden]
            stack += [one for one in operands if uniform_value(one) is None]
        return True


def _chosen(program: Program, fold: str | Sequence[str]) -> Callable[[Region], bool]:
    """Return the test for regions that are drawn folded."""
    if isinstance(fold, str) and fold in _KINDS:
        kinds = _KINDS[fold]
        return lambda region: region.kind in kinds
    if not isinstance(fold, Sequence):
        raise ConfigurationError(f"fold={fold!r}: {', '.join(_KINDS)}, or names of layers and composites")
    names = [fold] if isinstance(fold, str) else list(fold)
    known = dict.fromkeys(one.name for origin in program.provenance.values() for one in origin.regions)
    for name in names:
        if name not in known:
            choices = [*_KINDS, *known]
            raise ConfigurationError(
                f"fold={name!r} is not one of {', '.join(choices)}{nearest(name, choices)}"
            )
    return lambda region: region.name in names


def folding(program: Program, fold: str | Sequence[str]) -> Folding:
    """Return what is hidden when regions are folded.

    Parameters
    ----------
    program : Program
    fold : str or sequence of str
        ``composites`` (loops too), ``layers`` (composites and loops too), ``nothing``, or names of layers and
        composites; ``loop`` is that of each loop.

    Raises
    ------
    ConfigurationError
        For a name that no layer or composite of the program has; suggests the nearest.
    """
    chosen = _chosen(program, fold)
    result = Folding()
    for node in program.lines:
        origin = program.provenance.get(node)
        region = next((one for one in origin.regions if chosen(one)), None) if origin else None
        if region is not None:
            result.folded[node] = region
    drawn = {program.outputs[0]}
    for node in program.lines:
        drawn |= {one for one in node.inputs if result.folded.get(one) != result.folded.get(node)}
    result.hidden = {node for node in result.folded if node not in drawn}
    return result
