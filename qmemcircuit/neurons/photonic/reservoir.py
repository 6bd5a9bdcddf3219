"""A reservoir of photonic memristors with a linear readout.

Time goes in steps. Device j sees n_j(k) = sin²(½π(gain_j u(k) + offset_j)) for the input u(k) in
[0, 1]; its reflectivity is the mean of n_j over its last `windows[j]` steps, the present one
included, and it gives out (1 − R_j(k)) n_j(k). A window of one step remembers nothing and keeps
the same nonlinearity: the fair control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_integer, check_real
from qmemcircuit.common.data_objects import data_object

MOST_DEVICES = 10**6


@data_object
@dataclass(frozen=True)
class Reservoir:
    """N devices: windows in steps (≥ 1), and the input's gain and offset at each."""

    windows: tuple[int, ...]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if not len(self.windows) or not len(self.windows) == len(self.gains) == len(self.offsets):
            raise ValueError(
                "Argument windows must have as many entries as gains and offsets, at least one, "
                f"but {len(self.windows)}, {len(self.gains)} and {len(self.offsets)} were given."
            )
        for window in self.windows:
            check_integer("windows", window, minimum=1)

    def without_memory(self) -> Reservoir:
        """Return the same devices with windows of one step."""
        return Reservoir((1,) * len(self.windows), self.gains, self.offsets)


def draw_reservoir(devices: int, *, longest_window: int, seed: int) -> Reservoir:
    """Return devices whose windows cycle through 1 … longest_window, gains and offsets random."""
    check_arguments(draw_reservoir, locals())
    count = check_integer("devices", devices, minimum=1)
    if count > MOST_DEVICES:
        raise ValueError(
            f"Argument devices must be at most {MOST_DEVICES:,}, but {count:,} was given."
        )
    longest = check_integer("longest_window", longest_window, minimum=1)
    random = np.random.default_rng(check_integer("seed", seed, minimum=0))
    return Reservoir(
        tuple(1 + j % longest for j in range(count)),
        tuple(random.uniform(0.3, 1.0, count).tolist()),
        tuple(random.uniform(0.0, 0.5, count).tolist()),
    )


def respond(
    reservoir: Reservoir, inputs: ArrayLike, *, shots: int | None = None, seed: int | None = None
) -> FloatArray:
    """Return the output photon numbers, shape (T, N), for inputs of shape (T,) in [0, 1].

    With `shots` the outputs are binomial estimates (the feedback stays exact) and `seed` is
    needed; without, exact means. Before the first step the record is ½, as at rest.
    """
    check_arguments(respond, locals())
    u = np.asarray(inputs, dtype=float)
    if u.size == 0:
        raise ValueError("Argument inputs must hold at least one value, but it is empty.")
    if u.ndim != 1 or not np.all((u >= 0) & (u <= 1)):
        raise ValueError(
            "Argument inputs must be one-dimensional with values in [0, 1], but shape "
            f"{u.shape} with values from {np.min(u):.3g} to {np.max(u):.3g} was given."
        )
    gains, offsets = np.array(reservoir.gains), np.array(reservoir.offsets)
    incoming = np.sin(np.pi / 2 * (u[:, None] * gains + offsets)) ** 2
    longest = max(reservoir.windows)
    padded = np.vstack([np.full((longest, gains.size), 0.5), incoming])
    sums = np.vstack([np.zeros(gains.size), np.cumsum(padded, axis=0)])
    outputs = np.empty_like(incoming)
    for j, window in enumerate(reservoir.windows):
        last = np.arange(longest + 1, longest + u.size + 1)
        reflectivity = (sums[last, j] - sums[last - window, j]) / window
        outputs[:, j] = (1 - reflectivity) * incoming[:, j]
    if shots is None:
        return np.asarray(outputs)
    number = check_integer("shots", shots, minimum=1)
    if seed is None:
        raise ValueError("Argument seed must be given with shots, but None was given.")
    random = np.random.default_rng(check_integer("seed", seed, minimum=0))
    return np.asarray(random.binomial(number, np.clip(outputs, 0, 1)) / number)


def fit_readout(features: ArrayLike, targets: ArrayLike, *, ridge: float) -> FloatArray:
    """Return readout weights (N + 1,), the last for a constant: ridge regression.

    Minimises |targets − [features, 1] w|² + ridge · T · |w without constant|².
    """
    check_arguments(fit_readout, locals())
    x = np.asarray(features, dtype=float)
    y = np.asarray(targets, dtype=float)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            "Argument targets must have one value for each row of features, but shapes "
            f"{y.shape} and {x.shape} were given."
        )
    penalty = check_real("ridge", ridge, minimum=0) * y.size
    design = np.column_stack([x, np.ones(y.size)])
    # Stacked least squares: as the normal equations, without squaring the condition number.
    extra = np.sqrt(penalty) * np.eye(x.shape[1], x.shape[1] + 1)
    weights = np.linalg.lstsq(
        np.vstack([design, extra]), np.concatenate([y, np.zeros(x.shape[1])]), rcond=None
    )[0]
    return np.asarray(weights)


def read_out(features: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Return the readout's predictions, shape (T,)."""
    check_arguments(read_out, locals())
    x = np.asarray(features, dtype=float)
    w = np.asarray(weights, dtype=float)
    if x.ndim != 2 or w.shape != (x.shape[1] + 1,):
        raise ValueError(
            f"Argument weights must have one entry for each column of features and one more, but "
            f"the shapes are {w.shape} and {x.shape}; `fit_readout` returns such weights."
        )
    return np.asarray(x @ w[:-1] + w[-1])
