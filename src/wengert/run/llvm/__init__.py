"""The LLVM executor: programs as machine code, made while the program runs."""

from wengert.run.llvm.executor import LLVMExecutor as LLVMExecutor
