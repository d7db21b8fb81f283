"""Loops and branches of functions: scan, while_loop, fori_loop, map; cond, switch."""
