"""Views of a derivation: in index notation, in matrices, layer by layer, backwards through the list."""
