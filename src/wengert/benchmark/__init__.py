"""How fast wengert trains on this machine, beside what else is installed and beside the machine's limits."""
