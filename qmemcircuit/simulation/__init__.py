"""Solutions to compare with: the master equation, exact circuits, large networks, ideal runs."""
