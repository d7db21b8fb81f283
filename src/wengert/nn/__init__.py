"""Networks: modules, layers, activations, losses, penalties, initialisers."""

from __future__ import annotations

from wengert.nn import initialisers as initialisers
from wengert.nn.activations import (
    ACTIVATIONS as ACTIVATIONS,
    gelu as gelu,
    identity as identity,
    leaky_relu as leaky_relu,
    mish as mish,
    relu as relu,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    step as step,
    tanh as tanh,
)
from wengert.nn.arrays import (
    parameters as parameters,
    state as state,
    with_parameters as with_parameters,
    with_state as with_state,
)
from wengert.nn.config import from_config as from_config, to_config as to_config
from wengert.nn.layers.activation import Activation as Activation
from wengert.nn.layers.blend import Blend as Blend
from wengert.nn.layers.calibration import Calibration as Calibration
from wengert.nn.layers.clip import Clip as Clip
from wengert.nn.layers.column_blocks import ColumnBlocks as ColumnBlocks
from wengert.nn.layers.dense import Dense as Dense
from wengert.nn.layers.dropout import Dropout as Dropout
from wengert.nn.layers.embedding import CategoryEmbeddings as CategoryEmbeddings, Embedding as Embedding
from wengert.nn.layers.ensemble import Ensemble as Ensemble
from wengert.nn.layers.normalisation import BatchNorm as BatchNorm, LayerNorm as LayerNorm
from wengert.nn.layers.ntk_dense import NTKDense as NTKDense
from wengert.nn.layers.oblivious_trees import ObliviousTrees as ObliviousTrees
from wengert.nn.layers.parametric import ParametricActivation as ParametricActivation
from wengert.nn.layers.periodic import PeriodicEmbedding as PeriodicEmbedding
from wengert.nn.layers.scale import Scale as Scale
from wengert.nn.layers.sequential import Sequential as Sequential
from wengert.nn.losses import (
    LOSSES as LOSSES,
    absolute_error as absolute_error,
    half_squared_error as half_squared_error,
    hinge as hinge,
    huber as huber,
    nll as nll,
    nll_from_logits as nll_from_logits,
    nllm as nllm,
    nllm_from_logits as nllm_from_logits,
    poisson as poisson,
    quantile as quantile,
    squared_error as squared_error,
    tweedie as tweedie,
)
from wengert.nn.module import Module as Module, parameter as parameter, statistic as statistic
from wengert.nn.penalties import L1 as L1, L2 as L2
from wengert.nn.summary import summary as summary
