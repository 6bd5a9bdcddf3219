"""What all other parts use: checks of arguments, files, provenance, resources; no physics."""
