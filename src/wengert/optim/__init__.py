"""Optimisers and schedules, as plain NumPy rules that are traced into the training step."""

from __future__ import annotations

from wengert.optim.adam import *  # noqa: F403  # the family names its members itself, in __all__
from wengert.optim.clipping import clip_by_norm as clip_by_norm, global_norm as global_norm
from wengert.optim.groups import ParameterGroups as ParameterGroups
from wengert.optim.lbfgs import LBFGS as LBFGS, Minimum as Minimum
from wengert.optim.muon import Muon as Muon
from wengert.optim.optimiser import Optimiser as Optimiser
from wengert.optim.registry import OPTIMISERS as OPTIMISERS, SCHEDULES as SCHEDULES
from wengert.optim.rmsprop import RMSProp as RMSProp
from wengert.optim.schedules import (
    Constant as Constant,
    Cosine as Cosine,
    CosineCycles as CosineCycles,
    FlatCosine as FlatCosine,
    InverseScaling as InverseScaling,
    OneCycle as OneCycle,
    StepDecay as StepDecay,
    WarmUp as WarmUp,
)
from wengert.optim.sgd import SGD as SGD
