"""A reservoir of photonic memristors on temporal XOR and NARMA, with and without memory.

To see: with memory the reservoir solves the temporal XOR that the same devices without memory
cannot; shot noise limits how far back it sees.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from experiments.drawing import draw_mosaic
from experiments.results import Quantity, Result, Settings
from qmemcircuit.neurons.photonic.reservoir import draw_reservoir, fit_readout, read_out, respond
from qmemcircuit.plotting.figures import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DEVICES = 24
_LONGEST = 8
_DELAYS = (1, 2, 3, 4, 5, 6)
_RIDGE = 1e-8
_SHOTS = (None, 100_000, 1_000)
_KINDS = ("memory", "no memory", "delay line", "delay line, products")


def _narma(u: np.ndarray, order: int) -> np.ndarray:
    """Atiya and Parlos's NARMA series for u in [0, 0.5]; order 2 and 5 stay bounded."""
    y = np.zeros(u.size)
    for k in range(order - 1, u.size - 1):
        if order == 2:
            y[k + 1] = 0.4 * y[k] + 0.4 * y[k] * y[k - 1] + 0.6 * u[k] ** 3 + 0.1
        else:
            past = y[k - order + 1 : k + 1].sum()
            y[k + 1] = 0.3 * y[k] + 0.05 * y[k] * past + 1.5 * u[k - order + 1] * u[k] + 0.1
    return y


def _features(kind: str, u: np.ndarray, seed: int, shots: int | None) -> np.ndarray:
    if kind.startswith("delay line"):
        padded = np.concatenate([np.full(_LONGEST, 0.5), u])
        columns = [padded[_LONGEST - d : padded.size - d] for d in range(_LONGEST)]
        if kind.endswith("products"):  # the fair baseline: as much memory, and as nonlinear
            pairs = combinations_with_replacement(tuple(columns), 2)
            columns += [one * other for one, other in pairs]
        return np.column_stack(columns)
    reservoir = draw_reservoir(_DEVICES, longest_window=_LONGEST, seed=seed)
    if kind == "no memory":
        reservoir = reservoir.without_memory()
    return respond(reservoir, u, shots=shots, seed=None if shots is None else seed + 7)


def _score(features: np.ndarray, target: np.ndarray, half: int, ridge: float) -> np.ndarray:
    used = slice(2 * _LONGEST, half)
    weights = fit_readout(features[used], target[used], ridge=ridge)
    return read_out(features[half:], weights)


def compute(settings: Settings) -> Result:
    """Train and test on fresh data for every seed; score by error rate and NRMSE."""
    import xarray

    seeds = 5 if settings.quick else 30
    length = 2000
    half = length // 2
    xor = np.empty((len(_KINDS), len(_DELAYS), seeds))
    shot_xor = np.empty((len(_SHOTS), len(_DELAYS), seeds))
    narma = np.empty((len(_KINDS), 2, seeds))
    for seed in range(seeds):
        random = np.random.default_rng(settings.seed * 10_000 + seed)
        bits = random.integers(0, 2, length).astype(float)
        smooth = random.uniform(0, 0.5, length)
        for i, kind in enumerate(_KINDS):
            features = _features(kind, bits, seed, None)
            for j, delay in enumerate(_DELAYS):
                target = np.logical_xor(bits, np.roll(bits, delay)).astype(float)
                guess = _score(features, target, half, _RIDGE) > 0.5
                xor[i, j, seed] = np.mean(guess != (target[half:] > 0.5))
            features = _features(kind, 2 * smooth, seed, None)
            for j, order in enumerate((2, 5)):
                # Predict y(k + 1) from what was seen up to step k.
                target = np.roll(_narma(smooth, order), -1)
                target[-1] = target[-2]
                guess = _score(features, target, half, _RIDGE)
                difference = (guess - target[half:])[:-1]
                narma[i, j, seed] = np.sqrt(np.mean(difference**2)) / target[half:].std()
        for i, shots in enumerate(_SHOTS):
            features = _features("memory", bits, seed, shots)
            # Noise of the features is 1/√(4·shots): a ridge of its variance.
            ridge = _RIDGE if shots is None else 0.25 / shots
            for j, delay in enumerate(_DELAYS):
                target = np.logical_xor(bits, np.roll(bits, delay)).astype(float)
                guess = _score(features, target, half, ridge) > 0.5
                shot_xor[i, j, seed] = np.mean(guess != (target[half:] > 0.5))

    def quantity(name: str, values: np.ndarray) -> Quantity:
        spread = float(values.std(ddof=1) / np.sqrt(seeds))
        return Quantity(name, values.mean(), spread or None)

    quantities = [
        quantity(f"XOR u(k) ⊕ u(k−{delay}), error rate, {kind}", xor[i, j])
        for j, delay in enumerate(_DELAYS)
        if delay in (1, 4)
        for i, kind in enumerate(_KINDS)
    ]
    quantities += [
        quantity(f"XOR u(k) ⊕ u(k−1), error rate, memory, {shots} shots", shot_xor[i, 0])
        for i, shots in enumerate(_SHOTS)
        if shots is not None
    ]
    quantities += [
        quantity(f"NARMA-{order}, normalised RMS error, {kind}", narma[i, j])
        for j, order in enumerate((2, 5))
        for i, kind in enumerate(_KINDS)
    ]
    quantities += [
        quantity(f"NARMA-{order}, error with memory over error without", narma[0, j] / narma[1, j])
        for j, order in enumerate((2, 5))
    ]
    table = xarray.Dataset(
        {
            "xor": (("kind", "delay", "seed"), xor),
            "shot_xor": (("shots", "delay", "seed"), shot_xor),
            "narma": (("kind", "order", "seed"), narma),
        },
        coords={
            "kind": list(_KINDS),
            "delay": list(_DELAYS),
            "shots": [0 if s is None else s for s in _SHOTS],
            "order": [2, 5],
        },
    )
    parameters = {
        "devices": _DEVICES,
        "longest_window": _LONGEST,
        "seeds": seeds,
        "length": length,
        "ridge": _RIDGE,
    }
    return Result({"scores": table}, tuple(quantities), parameters)


def draw(result: Result) -> Figure:
    """Draw the XOR error against delay, with shots, and the NARMA errors."""
    table = result.data["scores"]
    seeds = table.sizes["seed"]
    figure, axes = draw_mosaic("ab;cc", height=5.4)
    left, middle, right = axes["a"], axes["b"], axes["c"]

    def summary(values):  # type: ignore[no-untyped-def]
        return values.mean("seed"), values.std("seed", ddof=1) / np.sqrt(seeds)

    for kind, colour, shape in zip(table.kind.values, PALETTE, "os^D", strict=False):
        mean, error = summary(table.xor.sel(kind=kind))
        look = {"mfc": "none", "ms": 9} if shape == "D" else {}  # it hides nothing that is equal
        label = str(kind)
        left.errorbar(
            table.delay, mean, yerr=error, fmt=f"{shape}-", color=colour, label=label, **look
        )
    for shots, colour in zip(table.shots.values, PALETTE, strict=False):
        mean, error = summary(table.shot_xor.sel(shots=shots))
        label = "exact outputs" if shots == 0 else f"{shots} shots"
        middle.errorbar(table.delay, mean, yerr=error, fmt="o-", color=colour, label=label)
    for axis, title in ((left, "(a) exact outputs"), (middle, "(b) memory, with shot noise")):
        axis.axhline(0.5, color="black", lw=0.7, ls=":")
        axis.set(
            xlabel="delay d", ylabel="error rate of u(k) ⊕ u(k−d)", ylim=(-0.03, 0.8), title=title
        )
        axis.legend(loc="upper center", fontsize=7)
    places = np.arange(table.sizes["kind"])
    for order, colour, shift in ((2, PALETTE[0], -0.12), (5, PALETTE[1], 0.12)):
        mean, error = summary(table.narma.sel(order=order))
        right.errorbar(
            places + shift, mean, yerr=error, fmt="o", color=colour, label=f"NARMA-{order}"
        )
    right.set_xticks(places, [str(kind) for kind in table.kind.values])
    right.set(ylabel="normalised RMS error", ylim=(0, None), xlim=(-0.5, 3.5))
    right.set_title("(c) two benchmark tasks")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
