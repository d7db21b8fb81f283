"""Loops and branches in derivations: an axis of iterations in place of a loop, cases in place of a branch."""
