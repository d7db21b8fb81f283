"""Square brackets: elements that are read and assigned, by places and by masks."""
