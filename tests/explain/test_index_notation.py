import numpy as np

import wengert as wg
from wengert.explain.algebra.likeness import key
from wengert.explain.algebra.simplification import simplified
from wengert.explain.index.construction import add, divide, multiply, negate, total, without_deltas
from wengert.explain.index.expressions import ONE, Delta, Element, Expression, Symbol
from wengert.explain.index.indices import Index, Position, fresh
from wengert.explain.index.substitution import substitute
from wengert.explain.printers.blocks import plain
from wengert.ir.node import make_input
from wengert.ir.types import tensor_type

I, J, K = Index("i", 3), Index("j", 3), Index("k", 3)


def symbol(name: str, *axes: Index) -> Symbol:
    shape = tuple(axis.extent for axis in axes)
    return Symbol(name, make_input(name, tensor_type(shape, np.dtype(np.float64))), shape, axes)


X = symbol("x", I)
V = symbol("v", J, K)
T = symbol("t")
Y = symbol("y")


def test_a_delta_keeps_one_term_of_the_sum() -> None:
    summed = total([J], multiply(Element(V, (J, K)), Delta(J, I)))

    assert plain(without_deltas(summed)) == "v_ik"


def test_a_delta_without_a_sum_stays() -> None:
    assert plain(without_deltas(multiply(Element(X, (I,)), Delta(I, K)))) == "x_i δ_ik"


def test_a_delta_in_a_sum_of_terms_is_eliminated_term_by_term() -> None:
    bracket = add(Delta(J, I), negate(Element(X, (J,))))
    summed = total([J], multiply(Element(X, (J,)), bracket))

    assert plain(without_deltas(summed)) == "x_i − Σ_j x_j x_j"


def test_substitution_renames_a_summation_index_that_stands_in_the_way() -> None:
    inner = total([J], multiply(Element(V, (J, K)), Element(X, (J,))))

    assert plain(substitute(inner, {K: J})) == "Σ_j′ v_j′j x_j′"


def test_fresh_indices_have_as_many_primes_as_they_need() -> None:
    assert str(fresh(I, {I, Index("i", 3, 1)})) == "i′′"


def test_nested_sums_say_the_same_whatever_their_indices_are_called() -> None:
    def nested(outer: Index, inner: Index, *positions: Position) -> Expression:
        inside = total([inner], multiply(Element(V, positions), Element(X, (inner,))))
        return total([outer], multiply(Element(X, (outer,)), inside))

    form = nested(J, K, J, K)
    assert key(form) == key(nested(K, I, K, I))
    assert key(form) != key(nested(J, K, K, K))
    assert key(form) != key(nested(J, K, J, I))


def test_the_log_loss_cancels_to_y_minus_t() -> None:
    y, t = Element(Y, ()), Element(T, ())
    one_minus_y = add(ONE, negate(y))
    slope = add(negate(divide(t, y)), divide(add(ONE, negate(t)), one_minus_y))
    whole = multiply(slope, y, one_minus_y)

    assert plain(simplified(simplified(whole))) == "y − t"


def test_short_arrays_that_the_function_brings_with_it_are_shown() -> None:
    def augmented(W: np.ndarray, x: np.ndarray) -> float:
        z = np.concatenate([np.ones(1), x])
        return np.sum((W @ z + np.arange(2.0)) ** 2)

    text = str(wg.explain(augmented, np.ones((2, 3)), np.ones(2), wrt="W"))

    assert "Given are W = (1, 1, 1; 1, 1, 1), x = (1, 1), K1 = (1), K2 = (0, 1)." in text
