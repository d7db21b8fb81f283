"""Matrix notation: expressions in index notation as products of matrices, transposes and ⊙."""
