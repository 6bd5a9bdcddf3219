"""What noise makes of a compiled circuit: calibrated, coherent, and with angles left open."""
