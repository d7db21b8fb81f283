"""Training: rows in, a trained network and its history out."""

from __future__ import annotations

from wengert.train.bagging.assessment import BestEpoch as BestEpoch
from wengert.train.callbacks import (
    Callback as Callback,
    EarlyStopping as EarlyStopping,
    Stop as Stop,
    TrainingState as TrainingState,
)
from wengert.train.checkpoint import Checkpoint as Checkpoint
from wengert.train.doctor import Diagnosis as Diagnosis, Finding as Finding, diagnose as diagnose
from wengert.train.evaluation import Evaluation as Evaluation, evaluate as evaluate, predict as predict
from wengert.train.fit import fit as fit
from wengert.train.history import Epoch as Epoch, History as History
from wengert.train.learning_rate_finder import (
    LearningRateCurve as LearningRateCurve,
    find_learning_rate as find_learning_rate,
)
from wengert.train.many.fit_many import fit_many as fit_many
from wengert.train.recipe import Recipe as Recipe
from wengert.train.result import FitResult as FitResult
from wengert.train.steps.compiled_step import CompiledStep as CompiledStep, compile_step as compile_step
from wengert.train.steps.divergence import Divergence as Divergence
from wengert.train.tabular import (
    TabularFeatures as TabularFeatures,
    tabular_recipe as tabular_recipe,
)
