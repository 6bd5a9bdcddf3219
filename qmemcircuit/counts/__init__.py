"""What counted outcomes say: means, currents, intervals, and the undoing of a device's errors."""
