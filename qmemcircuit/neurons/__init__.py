"""Memristive neurons of the same literature, and the dynamics tools that they share."""
