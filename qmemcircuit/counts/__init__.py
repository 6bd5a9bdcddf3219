"""What counted outcomes say: means, currents, limits, and the undoing of errors."""
