"""The path of a Bloch vector in its ball."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.states import reduce_states
from qmemcircuit.plotting.figures import (
    REFERENCE_COLOUR,
    START_COLOUR,
    data_look,
    house_style,
    place_legend,
)
from qmemcircuit.results.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPONENTS = ("X", "Y", "Z")


# More than eight parameters: color, label and marker are Matplotlib's own.
def plot_bloch(
    trajectory: Trajectory,
    *,
    reference: Trajectory | None = None,
    device: int = 0,
    ax: Axes | None = None,
    color: str | None = None,
    label: str | None = None,
    marker: str | None = None,
) -> Axes:
    """Draw the path of one device's Bloch vector (<X>, <Y>, <Z>) in the unit ball.

    Args:
        trajectory: with states, or with variables X, Y and Z, as the shuttle neuron's.
        reference: drawn below it as a black line.
        device: which device; of coupled ones its reduced state, which is mixed.
        ax: three-dimensional axes (`projection="3d"`); None makes a figure.
        color, label, marker: of the path, as Matplotlib names them; None is the house's.

    The north pole is |0>, a memristor's |g>. The start is a filled green circle. Returns the axes.

    Raises:
        ValueError: where no Bloch vector is known, as of a record without all three bases, and for
            axes that are flat.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> axes = qm.plot_bloch(qm.master_equation(memristor, memristor.periods(1)))
    """
    check_arguments(plot_bloch, locals())
    path = _bloch_vectors("trajectory", trajectory, device)
    below = None if reference is None else _bloch_vectors("reference", reference, device)
    look = data_look(color, label or "path", marker, exact=True)
    if ax is None:
        from matplotlib.figure import Figure

        with house_style():
            ax = Figure(figsize=(3.4, 3.4)).add_subplot(projection="3d")
    elif getattr(ax, "name", None) != "3d":
        raise ValueError(
            "Argument ax must be three-dimensional, figure.add_subplot(projection='3d'), but flat "
            "axes were given."
        )
    space: Any = ax  # Matplotlib's 3D axes, which take three coordinates
    polar, around = np.meshgrid(np.linspace(0, np.pi, 13), np.linspace(0, 2 * np.pi, 25))
    shell = (
        np.sin(polar) * np.cos(around),
        np.sin(polar) * np.sin(around),
        np.cos(polar),
    )
    space.plot_wireframe(*shell, color="0.85", linewidth=0.3)
    if below is not None:
        space.plot(*below, color=REFERENCE_COLOUR, label="reference")
    space.plot(*path, **look)
    space.plot(*path[:, :1], "o", color=START_COLOUR, markersize=5, label="start")
    space.set_box_aspect((1, 1, 1))
    space.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-1, 0, 1])
    space.set(xlabel="<X>", ylabel="<Y>", zlabel="<Z>")
    place_legend(ax, own=False, loc="upper left")
    return ax


def _bloch_vectors(argument: str, trajectory: Trajectory, device: int) -> FloatArray:
    """Return <X>, <Y>, <Z> of one device, shape (3, T)."""
    trajectory[device]  # refuses a device that is not there
    if trajectory.states is not None and trajectory.states.shape[-1] == 2**trajectory.device_count:
        state = reduce_states(trajectory.states, [device])
        raised = state[:, 0, 1]
        return np.array([2 * raised.real, -2 * raised.imag, (state[:, 0, 0] - state[:, 1, 1]).real])
    if not set(COMPONENTS) <= set(trajectory.variables):
        raise ValueError(
            f"Argument {argument} must hold states, or variables X, Y and Z, but it has neither; "
            "exact_circuit and master_equation give states, estimate does with "
            "bases='tomography'."
        )
    columns = (trajectory.variables[name] for name in COMPONENTS)
    return np.array([c if c.ndim == 1 else c[:, device] for c in columns])
