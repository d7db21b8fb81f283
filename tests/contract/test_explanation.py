"""Every primitive is explained and drawn: by its formula, by what it decomposes into, or as its source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.transform.examples import DIFFERENTIABLE, arguments_for, example_of, program_of

import wengert as wg
from wengert.errors import GradientError
from wengert.ir.primitive import Primitive


@pytest.mark.parametrize("primitive", DIFFERENTIABLE, ids=lambda one: one.name)
def test_every_primitive_is_explained_and_drawn(primitive: Primitive, rng: np.random.Generator) -> None:
    arguments = arguments_for(program_of(primitive), primitive, rng)
    params = example_of(primitive).params
    if params.get("dtype") == np.float32:  # derivations are in float64
        params = {"dtype": np.dtype(np.float64)}

    def value(*operands: Any) -> Any:
        found = primitive(*operands, **params)
        return np.sum(np.square(np.abs(found) if found.dtype.kind == "c" else found))

    if any(node.type.is_complex for node in program_of(primitive).nodes):
        for function in (wg.explain, wg.draw):
            with pytest.raises(GradientError, match="derivations and drawings are of real numbers"):
                function(value, *arguments)
        return

    derivation = wg.explain(value, *arguments)
    assert derivation.verify().lines
    assert "∂L/∂" in str(derivation)
    assert derivation.to_latex()
    assert wg.draw(value, *arguments).to_svg().startswith("<svg")
