"""What a trajectory means: loops, entanglement, comparisons, error budgets."""
