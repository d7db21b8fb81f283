"""What holds and runs machine code: the processor, the caches, the arrays that the code works on."""
