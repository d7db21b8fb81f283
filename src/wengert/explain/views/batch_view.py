"""A batch as the lectures have it: one example, the mean over all, then matrices over the batch."""

from __future__ import annotations

from dataclasses import replace

from wengert.errors import ConfigurationError
from wengert.explain.index.construction import multiply, total
from wengert.explain.index.expressions import Element, Expression, Partial, number
from wengert.explain.index.indices import Index
from wengert.explain.problem import Problem, example_axes
from wengert.explain.steps import Section, Step, Tree
from wengert.explain.views.examples import Example, Examples
from wengert.explain.views.index_view import gradient_names, index_view
from wengert.explain.views.matrix_view import matrix_view


def batch_view(problem: Problem) -> Tree:
    """Return the derivation for one example, its mean, and its form in matrices.

    Parameters
    ----------
    problem : Problem
        Of the batch.

    Raises
    ------
    ConfigurationError
        When no argument has an axis that counts examples, or the function is no mean or sum over them.
    """
    axes = example_axes(problem.program, [symbol.node for symbol in problem.wrt])
    if not axes:
        raise ConfigurationError(
            "view='batch': no argument counts examples; give several, one in each row of an array that is "
            "not among wrt"
        )
    assert problem.of_one_example is not None
    examples = Examples(problem, problem.of_one_example(axes), axes)
    single = examples.single
    definitions, *_, result = index_view(single).sections
    inside = [
        replace(definitions, title="One example: definitions", points=tuple(single.points)),
        replace(result, title="One example: result", note=_derived(result.note), points=tuple(single.points)),
    ]
    whole = [
        replace(section, title=f"All examples in matrices: {section.title[0].lower()}{section.title[1:]}")
        for section in matrix_view(problem).sections
        if section.title != "Jacobians"
    ]
    title = f"{gradient_names(problem)} for one example, and for the batch"
    return Tree(title, (*inside, _mean(examples), *whole))


def _derived(note: str) -> str:
    return "\n".join(filter(None, [note, "The view index derives it line by line."]))


def _mean(examples: Examples) -> Section:
    """Return the loss and the gradients of the batch as means of those of its examples."""
    problem, single = examples.batch, examples.single
    factor = examples.share()
    node, axis = next(iter(examples.axes.items()))
    over = problem.formulas.letters.index(node, axis)
    assert isinstance(over, Index)

    def averaged(body: Expression) -> Expression:
        return multiply(number(factor), total([over], Example(over, body, examples)))

    output = Element(problem.output, problem.output.axes)
    loss = averaged(Element(single.output, single.output.axes))
    steps = [Step(output, output, loss, "the loss of the batch", "", reference=output, shown=True)]
    alike = dict(zip(problem.program.inputs, single.program.inputs, strict=True))
    for symbol in problem.wrt:
        if symbol not in problem.order:
            continue
        by = problem.element(symbol)
        subject = problem.total(by)
        theirs = single.symbols[alike[symbol.node]]
        one = Partial(Element(single.output, single.output.axes), Element(theirs, by.positions), direct=False)
        rule = "the derivative is linear"
        steps.append(Step(subject, subject, averaged(one), rule, "", reference=subject, shown=True))
    kind = "sum" if factor == 1 else "mean"
    note = (
        f"The loss of the batch is the {kind} of those of its {over.extent} examples, so its gradient is the "
        f"{kind} of theirs. The number of the example stands above."
    )
    return Section(f"The {kind} over the examples", note, tuple(steps))
