"""Derivations: every gradient explained in the reader's notation, each line checked against the engine."""
