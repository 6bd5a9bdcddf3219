"""Parameter maps: a function at every point of a grid, on one core, many, or a cluster."""
