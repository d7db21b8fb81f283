"""The XLA executor: programs compiled by JAX's compiler, on a processor or an accelerator."""

from wengert.run.xla.executor import XLAExecutor as XLAExecutor
