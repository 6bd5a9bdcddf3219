"""Designs: the best model of a family, a model from counts, and the gradients behind both."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
