"""Drawing a program as a graph: its values and adjoints, and the local derivative on each edge."""
