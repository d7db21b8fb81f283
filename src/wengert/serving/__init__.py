"""A saved model of a table behind HTTP: rows in, predictions out."""
