"""Digital quantum simulation of quantum memristors."""
