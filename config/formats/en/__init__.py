"""English, as our own pages write it."""
