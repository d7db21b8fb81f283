"""Loops of programs: the code that runs a body again and again, and the arrays that iterations move along."""
