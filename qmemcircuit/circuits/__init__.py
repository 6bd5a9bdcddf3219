"""A model becomes plain Qiskit circuits."""
