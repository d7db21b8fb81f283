"""The δ-recursion of layered networks: forward, δ at the output, the links of each layer, the update."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wengert.explain.index.chain_rule import ChainRule
from wengert.explain.index.expressions import Partial, Symbol
from wengert.explain.index.letters import renames_axes
from wengert.explain.index.operations import signs
from wengert.explain.matrix.terms import NoMatrixForm
from wengert.explain.problem import Problem
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.symbols import scales
from wengert.explain.views.index_view import gradient_names, independent
from wengert.explain.views.matrix_view import MatrixWriter, definitions
from wengert.ir.node import Node
from wengert.ir.primitive import Kind


@dataclass(frozen=True)
class Layer:
    """A layer of a network.

    Attributes
    ----------
    number : int
        From 1 at the input.
    weighted : Symbol
        The pre-activation: a product with a weight, and a bias where there is one.
    weights : list of Symbol
        The parameters in it that the gradient is asked for.
    inner : list of Symbol
        Values between the pre-activation and the next layer or the loss, the activation among them.
    """

    number: int
    weighted: Symbol
    weights: list[Symbol]
    inner: list[Symbol]


def _is_weighted(problem: Problem, symbol: Symbol) -> bool:
    """Whether a value is a product with a parameter, plus perhaps a bias, less perhaps a target."""
    stack = [symbol.node]
    parameters = _parameters(problem)
    while stack:
        node = stack.pop()
        if node is not symbol.node and node in problem.symbols:
            continue
        if node.primitive.kind is Kind.CONTRACTION:
            return any(
                operand in parameters or _moved_parameter(operand, parameters) for operand in node.inputs
            )
        if len(signs(node.primitive)) == 2 or renames_axes(node) or scales(node):
            stack += node.inputs
    return False


def _parameters(problem: Problem) -> set[Node]:
    """Return what may be the weights of a layer: what is differentiated by, its like, and matrices given."""
    asked = {one.node for one in problem.wrt}
    modules = {_path(node).partition(".")[0] for node in asked if "." in _path(node)}
    return {
        node
        for node in problem.program.inputs
        if node in asked or node.type.ndim == 2 or _path(node).partition(".")[0] in modules
    }


def _path(node: Node) -> str:
    return str(node.param("name"))


def _moved_parameter(node: Node, parameters: set[Node]) -> bool:
    return node.primitive.kind is Kind.MOVEMENT and node.inputs[0] in parameters


def layers_of(problem: Problem) -> list[Layer]:
    """Return the layers from the input to the output; empty where the function is no layered network."""
    layers: list[Layer] = []
    for symbol in problem.order:
        if symbol in problem.wrt or symbol is problem.output:
            continue
        if _is_weighted(problem, symbol):
            weights = [one for one in problem.uses[symbol] if one in problem.wrt]
            layers.append(Layer(len(layers) + 1, symbol, weights, []))
        elif layers:
            layers[-1].inner.append(symbol)
    return layers


def _delta_names(layers: list[Layer]) -> dict[Symbol, str]:
    single = len(layers) == 1
    return {layer.weighted: "δ" if single else f"δ{layer.number}" for layer in layers}


class _Writer:
    """Writes each adjoint in indices and, where there is such a form, in matrices."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.chain = ChainRule(problem, insert_adjoints=False)
        self.matrices = MatrixWriter(problem)

    def in_indices(self, symbol: Symbol) -> list[Step]:
        """Return the chain-rule steps for the adjoint of a value."""
        result, steps = self.chain.adjoint(symbol)
        if steps:
            return _shortened(steps)
        subject = self.problem.total(self.chain.adjoints[symbol][0])
        local = self.chain.local(self.problem.output, symbol)
        if isinstance(result, Partial):
            return []
        rule = local.steps[0].rule if local.steps else ""
        return [Step(subject, subject, result, rule, "", reference=subject)]

    def in_matrices(self, symbol: Symbol, rule: str, shown: bool = False) -> list[Step]:
        """Return the adjoint of a value in matrices, after `in_indices`."""
        element, result = self.chain.adjoints[symbol]
        subject = self.problem.total(element)
        try:
            return [self.matrices.step(subject, result, rule, shown)]
        except NoMatrixForm:
            return (
                [Step(subject, subject, result, "index form", "", reference=subject, shown=shown)]
                if shown
                else []
            )


def _shortened(steps: list[Step]) -> list[Step]:
    """Insert the local derivatives and let their δ go in one step, as the recursion has it on paper."""
    kept: list[Step] = []
    for step in steps:
        if kept and kept[-1].rule == "insert the local derivatives" and step.continues(kept[-1]):
            inserted = kept.pop()
            step = replace(step, before=inserted.before, rule="insert the local derivatives; δ ends the sum")
        kept.append(step)
    return kept


def _output_section(problem: Problem, writer: _Writer, last: Layer, name: str) -> Section:
    """Return δ at the output: through the loss and the output activation at once."""
    chain = ChainRule(problem)
    steps: list[Step] = []
    for symbol in reversed([last.weighted, *last.inner]):
        local_steps = [step for user in problem.consumers(symbol) for step in chain.local(user, symbol).steps]
        steps += local_steps
        steps += chain.adjoint(symbol)[1]
    result = chain.adjoints[last.weighted][1]
    element = chain.adjoints[last.weighted][0]
    subject = problem.total(element)
    writer.chain.adjoints.update(chain.adjoints)
    writer.chain.locals.update(chain.locals)
    try:
        steps.append(writer.matrices.step(subject, result, "in matrices", shown=True))
    except NoMatrixForm:
        steps.append(Step(subject, subject, result, "δ at the output", "", reference=subject, shown=True))
    note = f"{name} is ∂{problem.output.name}/∂{last.weighted.name}."
    return Section(f"{name} at the output", note, tuple(steps))


def _layer_section(
    problem: Problem, writer: _Writer, layer: Layer, names: dict[Symbol, str], last: bool
) -> Section:
    """Return a layer's links: from the layer after, within the layer, and to its weights."""
    steps: list[Step] = []
    if not last:
        for symbol in reversed(layer.inner):
            steps += writer.in_indices(symbol)
            steps += writer.in_matrices(symbol, "link to the layer after")
        steps += writer.in_indices(layer.weighted)
        steps += writer.in_matrices(layer.weighted, "within the layer", shown=True)
    for weight in layer.weights:
        steps += writer.in_indices(weight)
        steps += writer.in_matrices(weight, "link to the weights", shown=True)
    own = names[layer.weighted]
    note = (
        f"{own} is ∂{problem.output.name}/∂{layer.weighted.name}; the gradients of the layer follow from it."
    )
    return Section(f"Layer {layer.number}", note, tuple(steps))


def delta_view(problem: Problem) -> Tree:
    """Return the derivation layer by layer."""
    layers = layers_of(problem)
    names = _delta_names(layers)
    title = f"{gradient_names(problem)} layer by layer"
    if not layers:
        words = "This function has no layers with weights to differentiate by; see its adjoint walk."
        words = "\n".join(filter(None, [independent(problem), words]))
        return Tree(title, (definitions(problem, MatrixWriter(problem)), Section("Layers", words)))
    writer = _Writer(problem)
    forward = definitions(problem, writer.matrices)
    steps = tuple(replace(step, shown=True) for step in forward.steps)
    sections = [replace(forward, title="Forward", steps=steps)]
    sections.append(_output_section(problem, writer, layers[-1], names[layers[-1].weighted]))
    for layer in reversed(layers):
        section = _layer_section(problem, writer, layer, names, last=layer is layers[-1])
        sections += [section] if section.steps else []
    if independent(problem):
        sections.append(Section("Gradients that are 0", independent(problem)))
    return Tree(title, tuple(sections), adjoints=names)
