"""A claim is accepted exactly when Python, running it as NumPy code, gets the gradient."""

import ast
import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from tests.drawn import random_examples
from tests.explain.claim_programs import EXERCISES, Exercise, mutations

import wengert as wg
from wengert.errors import FormulaError
from wengert.explain.formula.parser import parse
from wengert.explain.grading.check_work import FormulaCheck
from wengert.explain.grading.right_gradients import ReferenceGradients

NAMESPACE: dict[str, Any] = {
    name: getattr(np, name)
    for name in [
        "sum",
        "mean",
        "outer",
        "sign",
        "diag",
        "abs",
        "where",
        "exp",
        "log",
        "maximum",
        "minimum",
        "transpose",
        "sqrt",
        "tanh",
        "square",
    ]
} | {"sigmoid": wg.sigmoid, "softmax": wg.softmax, "softplus": wg.softplus, "len": len}


def values(exercise: Exercise, arguments: list[Any]) -> dict[str, Any]:
    """Run the function as Python does, and return all its variables."""
    source = inspect.getsource(exercise.function)
    body = ast.parse(source).body[0].body
    known = dict(zip(exercise.shapes, arguments, strict=True))
    for statement in body[:-1]:
        exec(ast.unparse(statement), {"np": np, "wg": wg}, known)
    return known


def gradient(exercise: Exercise, name: str, arguments: list[Any]) -> Any:
    """Return the gradient by an argument, or by a variable through the lines after it."""
    if name in exercise.shapes:
        return wg.grad(exercise.function, argnames=name)(*arguments)
    known = values(exercise, arguments)
    body = ast.parse(inspect.getsource(exercise.function)).body[0].body
    first = next(k for k, one in enumerate(body) if isinstance(one, ast.Assign) and one.targets[0].id == name)
    rest = "\n".join(ast.unparse(one) for one in body[first + 1 :]).replace("return ", "_result = ")

    def after(value: Any) -> Any:
        variables = {**known, name: value}
        exec(rest, {"np": np, "wg": wg}, variables)
        return variables["_result"]

    return wg.grad(after)(known[name])


def equals(claim: str, known: dict[str, Any], true: Any) -> bool:
    """Whether Python, running a claim, gets the gradient."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = eval(claim, NAMESPACE | known)
        except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError):
            return False
    return np.shape(found) == np.shape(true) and bool(
        np.allclose(found, true, rtol=1e-8, atol=1e-9 * np.max(np.abs(true)))
    )


MOST_CORRECTED = random_examples(2, explore=20)


def readable(claim: str) -> bool:
    """Whether the whitelist lets a claim pass."""
    try:
        parse(claim)
    except FormulaError:
        return False
    return True


CASES = [(exercise, name) for exercise in EXERCISES for name in exercise.claims]
IDS = [f"{exercise.function.__name__}-{name}" for exercise, name in CASES]


@pytest.mark.parametrize(("exercise", "name"), CASES, ids=IDS)
def test_a_claim_is_accepted_exactly_when_python_gets_the_gradient(exercise, name):
    rng = np.random.default_rng(11)
    arguments = exercise.arguments(rng)
    points = [exercise.arguments(rng) for _ in range(4)]
    known = [(values(exercise, point), gradient(exercise, name, point)) for point in points]
    right = exercise.claims[name]
    assert wg.check_work(exercise.function, *arguments, claims={name: right})

    reference = ReferenceGradients(exercise.function, tuple(arguments), {}, [name], 19)
    check = FormulaCheck(reference, reference.target(name))
    wrong = []
    for claim in mutations(right, list(known[0][0])):
        if not readable(claim):  # it is refused before it is compared
            continue
        expected = all(equals(claim, variables, true) for variables, true in known)
        assert check.accepted(claim) is expected, claim
        if not expected:
            wrong.append(claim)

    for claim in rng.choice(wrong, min(MOST_CORRECTED, len(wrong)), replace=False):
        report = wg.check_work(exercise.function, *arguments, claims={name: claim})[name]
        assert not report, claim
        assert report.corrected is not None, str(report)
        assert all(equals(report.corrected, variables, true) for variables, true in known), str(report)
        assert wg.check_work(exercise.function, *arguments, claims={name: report.corrected}), str(report)


def test_the_exercises_have_no_name_twice():
    assert len({one.function.__name__ for one in EXERCISES}) == len(EXERCISES)
