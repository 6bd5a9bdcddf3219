"""Solutions to compare with: exact circuits, the master equation, and ideal targets."""
