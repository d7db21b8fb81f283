"""Formulas given as text: a whitelisted part of Python, worked out with a bound on the work."""
