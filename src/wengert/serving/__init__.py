"""A saved model of a table over HTTP: rows in, predictions out."""
