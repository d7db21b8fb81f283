"""Views of a derivation: the same engine and the same steps, in index notation, in matrices, layer by layer, …"""
