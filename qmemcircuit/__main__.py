"""`python -m qmemcircuit` is the program `qmemcircuit`."""

import sys

from qmemcircuit.command_line.main import main

if __name__ == "__main__":
    sys.exit(main())
