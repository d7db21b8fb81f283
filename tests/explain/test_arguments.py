"""What explain, draw and check_work refuse before they compute anything, in words of their own."""

from functools import partial

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.errors import ConfigurationError, DTypeError, GradientError, NonFiniteError

NET = nn.Sequential(nn.Dense(2, 1)).initialise(0, np.float64)
W, X = np.eye(2), np.ones(2)


def function(W, x):
    return np.sum(np.tanh(W @ x))


def graded(*arguments, **options):
    return wg.check_work(*arguments, claims={"W": "W"}, **options)


ASKED = {"explain": wg.explain, "draw": wg.draw, "check_work": graded}


@pytest.mark.parametrize("where", ASKED)
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3,), {}, "{} takes a function, got int: 3"),
        ((function, W), {}, r"{}: function\(W, x\): missing a required argument"),
        (
            (function, W, X),
            {"stile": 1},
            "unexpected keyword argument 'stile'; options that {} does not have are passed",
        ),
    ],
)
def test_what_is_no_call_of_a_function(where, arguments, options, message):
    with pytest.raises(ConfigurationError, match=message.format(where)):
        ASKED[where](*arguments, **options)


@pytest.mark.parametrize("asked", [wg.explain, wg.draw])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": {"W": 3}}, r"names\['W'\]=3: a name is printable text"),
        ({"names": {"W": " "}}, r"names\['W'\]=' ': a name is printable text, and not empty"),
        ({"names": {"W": "a\nb"}}, r"names\['W'\]='a.nb': a name is printable text"),
        ({"names": ["W"]}, "a mapping of names to names"),
        ({"names": {"weight": "V"}}, r"names\['weight'\]: there is no such name"),
        ({"wrt": 3}, "wrt=3: the name of an argument, or a sequence of names"),
        ({"wrt": []}, r"wrt=\[\] names no argument \(there are: W, x\); leave it out"),
    ],
)
def test_names_are_names_of_what_is_there(asked, options, message):
    with pytest.raises(ConfigurationError, match=message):
        asked(function, W, X, **options)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (lambda: wg.draw(NET), ConfigurationError, r"draw: Sequential\(x\): missing a required argument"),
        (lambda: wg.draw(NET, X, loss=nn.squared_error), ConfigurationError, r"draw takes .* draw\(net, x"),
        (lambda: wg.draw(function, W, X, fold=3), ConfigurationError, "fold=3: composites, layers"),
        (lambda: wg.draw(function, W, X).save(None), ConfigurationError, "save takes the path of a file"),
        (lambda: wg.draw(lambda x: 3.0, 1.0), GradientError, "depends on none of its arguments"),
        (lambda: wg.draw(lambda x: np.ones(2), 1.0, view="units"), GradientError, "depends on none"),
        (lambda: wg.draw(lambda x: x, 1.0, view="units"), ConfigurationError, "and here nothing is"),
        (lambda: wg.check_work(function, W, X, claims={3: "W"}), ConfigurationError, "3 is no name"),
        (lambda: wg.check_work(function, W, X, claims={"W": None}), DTypeError, "claim for W: give"),
        (lambda: wg.check_work(function, W, X, claims={"x": [None, 1]}), DTypeError, "got list"),
        (lambda: wg.explain(function, W, X, step_size=-1), ConfigurationError, "step_size=-1: a positive"),
        (lambda: wg.explain(function, W, X, step_size=True), ConfigurationError, "step_size=True: a pos"),
        (lambda: wg.explain(function, W, X, view=["index"]), ConfigurationError, "is not one of index, matr"),
        (lambda: wg.explain(function, W, X).verify("a"), ConfigurationError, "points is an integer above 0"),
        (lambda: wg.explain(function, W, X).verify(seed=-1), ConfigurationError, "seed=-1: an integer, 0 or"),
        (lambda: wg.explain(function, W, X).to_text(10**9), ConfigurationError, "10,000 at most"),
        (lambda: wg.explain(function, W, X, order=True), ConfigurationError, "order=True: 1 for a gradient"),
        (lambda: wg.explain(function, W, X, numbers="yes"), ConfigurationError, "numbers='yes': True or"),
        (lambda: wg.explain(function, W, X * np.nan), NonFiniteError, "^x is not finite"),
        (lambda: wg.explain(lambda a: np.log(a), 0.0), NonFiniteError, "^L is not finite"),
        (lambda: wg.explain(lambda a: np.sqrt(a), 0.0), NonFiniteError, "^the derivative of L by a is not"),
    ],
)  # fmt: skip
def test_the_fault_is_named(asked, error, message):
    with pytest.raises(error, match=message):
        asked()


def test_a_network_takes_lists_of_numbers():
    assert wg.draw(NET, [1.0, 2.0]).to_svg() == wg.draw(NET, np.array([1.0, 2.0])).to_svg()
    by_lists = wg.explain(NET, [1.0, 2.0], [1.0], loss=nn.squared_error)
    assert str(by_lists) == str(wg.explain(NET, np.array([1.0, 2.0]), np.ones(1), loss=nn.squared_error))


def test_integers_are_refused_as_arguments_without_a_derivative():
    with pytest.raises(GradientError, match=r"returns i64\[\], .*: give floating arguments"):
        wg.explain(lambda x: np.sum(x**2), np.arange(3))


@pytest.mark.parametrize("asked", [wg.explain, wg.draw, partial(wg.check_work, claims={"x": "x"})])
def test_a_mask_is_never_ignored(asked):
    with pytest.raises(DTypeError, match="argument 'x': masked arrays are refused"):
        asked(function, W, np.ma.array(X, mask=X > 0))


def test_elements_of_lists_are_called_after_their_list():
    text = str(wg.explain(lambda p: p[0] * p[1][0] * p[1][1], [3.0, [4.0, 5.0]]))
    assert "∂L/∂p0 = p1_0 p1_1 = 20" in text
    assert "∂L/∂p1_1 = p0 p1_0 = 12" in text
