"""Generators of the forms of kernel that move, pick or draw elements."""
