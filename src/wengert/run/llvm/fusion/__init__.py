"""First pass: which lines of a program become one kernel."""
