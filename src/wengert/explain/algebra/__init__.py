"""Algebra of expressions in index notation: likeness, cancelling and collecting, writing names."""
