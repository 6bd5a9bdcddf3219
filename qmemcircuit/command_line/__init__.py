"""A TOML file and a terminal: the program `qmemcircuit`."""
