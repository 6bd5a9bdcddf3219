"""Speed claims: each module is a script that prints a ratio measured in one run."""
