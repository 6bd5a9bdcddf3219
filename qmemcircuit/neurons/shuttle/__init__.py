"""The memristive quantum neuron: a charge shuttle (one qubit) in a classical RC circuit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
