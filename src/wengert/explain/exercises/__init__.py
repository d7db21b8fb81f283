"""Exercises in back-propagation: numbers that can be worked with by hand, a worksheet, and its solution."""
