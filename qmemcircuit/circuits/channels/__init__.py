"""Channels: what circuits and master equations do to states, how far apart, and how synthesised."""
