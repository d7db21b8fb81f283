"""A search for the settings with which a network learns a table best."""
