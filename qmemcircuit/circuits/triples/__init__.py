"""Three memristors over all of [0, t] at constant depth: the exact map as a few collisions."""
