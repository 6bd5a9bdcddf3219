"""Methods of zero-noise extrapolation: a file each, and its name in `METHODS`."""
