"""How the cells of a table are read: found from the table in training, then the same from then on."""
