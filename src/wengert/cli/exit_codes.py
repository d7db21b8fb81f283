"""What the command returns to the shell."""

SUCCESS = 0
BUG = 1
BAD_INPUT = 2
INTERRUPTED = 130  # as a shell has it: 128 + the number of the signal
BROKEN_PIPE = 141
