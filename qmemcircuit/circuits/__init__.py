"""From a model to plain Qiskit circuits: collisions, splittings, settings."""
