"""What is simulated: decay laws, memristors, couplings and networks."""
