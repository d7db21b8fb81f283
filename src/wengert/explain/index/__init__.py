"""Index notation: expressions, how lines of a program become expressions, differentiation, simplification."""
