"""wengert: one immutable program, traced from NumPy code or a network.

The same program is run, differentiated, printed as Python, and trained.
"""

import importlib
from typing import TYPE_CHECKING, Any

from wengert import errors as errors
from wengert.errors import WengertError as WengertError

# Imported here and now: these functions must be bound after their packages of the same name.
from wengert.explain.entry import explain as explain
from wengert.ir.inspection import provide_inspector
from wengert.ir.vocabulary import provide_vocabulary
from wengert.trace.entry import trace as trace
from wengert.version import __version__ as __version__

if TYPE_CHECKING:
    from wengert import (
        estimators as estimators,
        nn as nn,
        optim as optim,
        plots as plots,
        train as train,
    )
    from wengert.autodiff.check import check_grad as check_grad
    from wengert.autodiff.control_flow.branches import (
        checkpoint as checkpoint,
        cond as cond,
        switch as switch,
    )
    from wengert.autodiff.control_flow.loops import (
        fori_loop as fori_loop,
        map as map,
        scan as scan,
        while_loop as while_loop,
    )
    from wengert.autodiff.gradients import (
        grad as grad,
        trace_gradient as trace_gradient,
        value_and_grad as value_and_grad,
    )
    from wengert.autodiff.implicit import implicit as implicit
    from wengert.autodiff.jacobians import hessian as hessian, jacobian as jacobian
    from wengert.autodiff.own_rules import (
        custom_jvp as custom_jvp,
        custom_vjp as custom_vjp,
    )
    from wengert.autodiff.products import hvp as hvp, jvp as jvp, vjp as vjp
    from wengert.autodiff.vmap import per_example_grad as per_example_grad, vmap as vmap
    from wengert.estimators import MLPClassifier as MLPClassifier, MLPRegressor as MLPRegressor
    from wengert.explain.derivation import Derivation as Derivation
    from wengert.explain.drawing.drawing import Drawing as Drawing
    from wengert.explain.drawing.entry import draw as draw
    from wengert.explain.exercises.entry import exercise as exercise
    from wengert.explain.exercises.exercise import Exercise as Exercise
    from wengert.explain.grading.check_work import check_work as check_work
    from wengert.explain.grading.work_report import WorkReport as WorkReport
    from wengert.ir.composite import composite as composite
    from wengert.ir.program import Program as Program
    from wengert.ir.verify import verify as verify
    from wengert.primitives import random as random
    from wengert.primitives.composites import (
        log_softmax as log_softmax,
        logsumexp as logsumexp,
        softmax as softmax,
    )
    from wengert.primitives.functions import (
        erf as erf,
        one_hot as one_hot,
        scatter_add as scatter_add,
        sigmoid as sigmoid,
        softplus as softplus,
        stop_gradient as stop_gradient,
        xlogy as xlogy,
    )
    from wengert.run.compile import compile as compile
    from wengert.trace.tracing import abstract as abstract
    from wengert.transform.rolling import rolling as rolling
    from wengert.transform.simplify import simplify as simplify

# Everything below is imported when it is first asked for, so that `import wengert` costs what NumPy costs.
_LAZY = {
    "estimators": "wengert.estimators",
    "nn": "wengert.nn",
    "optim": "wengert.optim",
    "plots": "wengert.plots",
    "random": "wengert.primitives.random",
    "train": "wengert.train",
    "MLPClassifier": "wengert.estimators:MLPClassifier",
    "MLPRegressor": "wengert.estimators:MLPRegressor",
    "Derivation": "wengert.explain.derivation:Derivation",
    "Drawing": "wengert.explain.drawing.drawing:Drawing",
    "Exercise": "wengert.explain.exercises.exercise:Exercise",
    "Program": "wengert.ir.program:Program",
    "WorkReport": "wengert.explain.grading.work_report:WorkReport",
    "abstract": "wengert.trace.tracing:abstract",
    "checkpoint": "wengert.autodiff.control_flow.branches:checkpoint",
    "check_grad": "wengert.autodiff.check:check_grad",
    "compile": "wengert.run.compile:compile",
    "check_work": "wengert.explain.grading.check_work:check_work",
    "composite": "wengert.ir.composite:composite",
    "custom_jvp": "wengert.autodiff.own_rules:custom_jvp",
    "custom_vjp": "wengert.autodiff.own_rules:custom_vjp",
    "draw": "wengert.explain.drawing.entry:draw",
    "exercise": "wengert.explain.exercises.entry:exercise",
    "erf": "wengert.primitives.functions:erf",
    "grad": "wengert.autodiff.gradients:grad",
    "hessian": "wengert.autodiff.jacobians:hessian",
    "hvp": "wengert.autodiff.products:hvp",
    "implicit": "wengert.autodiff.implicit:implicit",
    "jacobian": "wengert.autodiff.jacobians:jacobian",
    "jvp": "wengert.autodiff.products:jvp",
    "log_softmax": "wengert.primitives.composites:log_softmax",
    "logsumexp": "wengert.primitives.composites:logsumexp",
    "one_hot": "wengert.primitives.functions:one_hot",
    "per_example_grad": "wengert.autodiff.vmap:per_example_grad",
    "rolling": "wengert.transform.rolling:rolling",
    "scatter_add": "wengert.primitives.functions:scatter_add",
    "sigmoid": "wengert.primitives.functions:sigmoid",
    "simplify": "wengert.transform.simplify:simplify",
    "softmax": "wengert.primitives.composites:softmax",
    "softplus": "wengert.primitives.functions:softplus",
    "stop_gradient": "wengert.primitives.functions:stop_gradient",
    "trace_gradient": "wengert.autodiff.gradients:trace_gradient",
    "value_and_grad": "wengert.autodiff.gradients:value_and_grad",
    "verify": "wengert.ir.verify:verify",
    "vjp": "wengert.autodiff.products:vjp",
    "cond": "wengert.autodiff.control_flow.branches:cond",
    "switch": "wengert.autodiff.control_flow.branches:switch",
    "fori_loop": "wengert.autodiff.control_flow.loops:fori_loop",
    "map": "wengert.autodiff.control_flow.loops:map",
    "scan": "wengert.autodiff.control_flow.loops:scan",
    "while_loop": "wengert.autodiff.control_flow.loops:while_loop",
    "vmap": "wengert.autodiff.vmap:vmap",
    "xlogy": "wengert.primitives.functions:xlogy",
}

# Methods of `Program` that show how it is run; imports go one way, so `ir` cannot name `run` itself.
provide_inspector(lambda: importlib.import_module("wengert.run.inspection"))
# Primitives, and the loops and branches, whose rules are made of transformations.
provide_vocabulary(lambda: importlib.import_module("wengert.transform"))

__all__ = ["WengertError", "__version__", "errors", "explain", "trace", *_LAZY]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'wengert' has no attribute {name!r}")
    module, _, attribute = _LAZY[name].partition(":")
    loaded = importlib.import_module(module)
    value = getattr(loaded, attribute) if attribute else loaded
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
