"""The former place of `qmemcircuit.plotting.plot_raster`, kept for notebooks that name it."""

from qmemcircuit.plotting.spikes import plot_raster

__all__ = ["plot_raster"]
