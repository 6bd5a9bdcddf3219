"""Entanglement that three or four memristors share, and that no pair or part alone explains."""
