"""Digital quantum simulation of quantum memristors with Qiskit.

Describe a device once; run it as circuits anywhere; see, with error bars, how far it is from the
master equation. The public names stand in `__init__.pyi`, with the room that each comes from; a
room is opened when one of its names is first used, so importing this package costs nothing.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
