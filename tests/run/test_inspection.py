"""What a program shows of how it is run."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ConfigurationError, ShapeError, WengertError
from wengert.ir import inspection
from wengert.run import NumpyExecutor, default

W, X = np.ones((4, 5)), np.arange(12.0).reshape(3, 4)


@pytest.fixture
def program():
    return wg.trace(lambda parameters, x: np.tanh(x @ parameters["W"]).sum(), {"W": W}, X)


def test_a_program_shows_its_kernels_and_its_code(program):
    product, total = program.kernels()
    assert (product.form, product.shape, product.operations) == ("product", (3, 5), ("matmul", "tanh"))
    assert total.operations == ("sum",)
    assert product.seconds is product.limit is None
    assert "define" in program.llvm()
    assert "matmul tanh" in str(program.kernels())
    assert repr(program.kernels()) == str(program.kernels())


@pytest.mark.parametrize("given", [({"W": W}, X), ()], ids=["on arguments", "on made-up numbers"])
def test_kernels_are_timed(program, given):
    profile = program.kernels(*given, profile=True)
    assert [one.operations for one in profile] == [one.operations for one in program.kernels()]
    for one in profile:
        assert one.seconds > 0
        assert one.share == one.limit / one.seconds > 0
    head, *lines, total = str(profile).splitlines()
    assert "roofline" in head
    assert len(lines) == 2
    assert total.startswith("all")


def test_made_up_indices_are_in_range():
    program = wg.trace(lambda x, index: x[index] * 2, X, np.array([0, 2]))
    assert all(one.seconds > 0 for one in program.kernels(profile=True))


def test_arguments_that_do_not_fit_are_refused(program):
    with pytest.raises(ShapeError):
        program.kernels({"W": W.T}, X, profile=True)
    bare = wg.Program(program.inputs, program.outputs)
    with pytest.raises(WengertError, match="takes 2 arrays"):
        bare.kernels(W, profile=True)
    assert len(bare.kernels(W, X, profile=True)) == 2


def test_without_llvm_there_is_nothing_to_show(program, monkeypatch):
    monkeypatch.setattr(default, "_llvm_executor", lambda: None)
    assert isinstance(default.default_executor(), NumpyExecutor)
    for look in (program.llvm, program.kernels):
        with pytest.raises(ConfigurationError, match="runs with NumPy"):
            look()


def test_the_inspector_must_have_been_provided(program, monkeypatch):
    monkeypatch.setattr(inspection, "_load", [])
    with pytest.raises(WengertError, match="import wengert"):
        program.kernels()
