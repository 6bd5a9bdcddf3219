"""What a real device does to a circuit: its qubits, gates, times, errors and their prediction."""
