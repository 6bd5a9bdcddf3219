"""What was measured (`Record`), V and I against time (`Trajectory`), and how the two are made."""
