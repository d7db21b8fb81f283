"""The NumPy executor: the semantics that the other executors are compared with."""

from wengert.run.numpy.diagnosis import NonFinite as NonFinite, first_non_finite as first_non_finite
from wengert.run.numpy.executor import NumpyExecutor as NumpyExecutor
