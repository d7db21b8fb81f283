"""Executors: what turns a program into numbers."""

from wengert.run.default import (
    EXECUTORS as EXECUTORS,
    default_executor as default_executor,
    find_executor as find_executor,
    mesh_of as mesh_of,
    xla_executor as xla_executor,
)
from wengert.run.executor import Executable as Executable, Executor as Executor
from wengert.run.numpy import NumpyExecutor as NumpyExecutor
