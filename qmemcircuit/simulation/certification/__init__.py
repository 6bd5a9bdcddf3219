"""How far circuits may be from the master equation, whatever their input."""
