"""What kernels cost beside the limits of the machine."""
