from .bloch import plot_bloch as plot_bloch
from .distances import plot_budget as plot_budget
from .distances import plot_residuals as plot_residuals
from .entanglement import plot_concurrence as plot_concurrence
from .figures import DATA_COLOUR as DATA_COLOUR
from .figures import PALETTE as PALETTE
from .figures import REFERENCE_COLOUR as REFERENCE_COLOUR
from .figures import START_COLOUR as START_COLOUR
from .figures import STYLE as STYLE
from .figures import house_style as house_style
from .figures import make_figure as make_figure
from .figures import plot_loop as plot_loop
from .figures import plot_series as plot_series
from .figures import save_figure as save_figure
from .graphs import plot_graph as plot_graph
from .parameter_planes import plot_map as plot_map
from .spikes import plot_raster as plot_raster

__all__ = [
    "DATA_COLOUR",
    "PALETTE",
    "REFERENCE_COLOUR",
    "START_COLOUR",
    "STYLE",
    "house_style",
    "make_figure",
    "plot_bloch",
    "plot_budget",
    "plot_concurrence",
    "plot_graph",
    "plot_loop",
    "plot_map",
    "plot_raster",
    "plot_residuals",
    "plot_series",
    "save_figure",
]
