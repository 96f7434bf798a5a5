"""One module for each library: `NEEDS` (its distributions) and `GROUPS` (functions of samples)."""
