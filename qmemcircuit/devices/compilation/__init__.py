"""A circuit for a device: its instructions on chosen qubits, in time, folded and suppressed."""
