"""The program: types, nodes, programs, verification, text form."""
