"""Send circuits, wait, and bring the counts home without loss."""
