"""Two memristors over all of [0, t] at constant depth: the exact channel as a few collisions."""
