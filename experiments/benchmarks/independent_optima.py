"""The optima of design.form_factor by an optimiser and a solver that share nothing with ours.

    python -m experiments.benchmarks.independent_optima

SciPy's differential evolution, without gradients, over three harmonics and the phase of the initial
state, from V ∝ sin(b + t) exp(−½∫Γ), I = ΓV on 61 times of one period, with ∫Γ a running sum of
Gauss's five-point rule in every interval and areas by walking along the polygon (no shapely). A
constraint is a penalty that grows from where it is missed: unlike a soft one, which trades the
constraint for form factor, it leaves nothing to gain there.

Of what it finds the program prints both numbers that "balance" may mean: the second lobe's share
of the first one's area (ours, `loop.balance`), and the same of their perimeters. A prototype noted
F = 0.529 "with lobe balance 0.28".
"""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import differential_evolution

import qmemcircuit as qm

POINTS, HARMONICS, DECAY, WEAKEST = 60, 3, 2.0, 0.5
GENERATIONS, POPULATION, SEED = 500, 10, 1
TIMES = np.linspace(0.0, 2 * np.pi, POINTS + 1)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)


def curve_of(numbers: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the polygon (61, 2), each axis in units of its largest value, and ∫Γ of a period."""
    *series, phase = numbers

    def rate(t: np.ndarray) -> np.ndarray:
        root = np.full(t.shape, series[0])
        for k in range(1, HARMONICS + 1):
            root += series[2 * k - 1] * np.cos(k * t) + series[2 * k] * np.sin(k * t)
        return root**2

    step = TIMES[1]
    inside = TIMES[:-1, None] + 0.5 * step * (1 + NODES)
    decay = np.concatenate([[0.0], np.cumsum(0.5 * step * (rate(inside) @ WEIGHTS))])
    voltage = np.sin(phase + TIMES) * np.exp(-0.5 * decay)
    curve = np.stack([voltage, rate(TIMES) * voltage], axis=1)
    return curve / np.maximum(np.abs(curve).max(axis=0), 1e-12), float(decay[-1])


def simple_loops(curve: np.ndarray) -> list[np.ndarray]:
    """Cut the closed polygon at its crossings: what was passed since the first visit is a loop."""
    after = np.roll(curve, -1, axis=0)
    sides = after - curve
    apart = curve[None] - curve[:, None]
    cross = sides[:, None, 0] * sides[None, :, 1] - sides[:, None, 1] * sides[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (apart[..., 0] * sides[None, :, 1] - apart[..., 1] * sides[None, :, 0]) / cross
        other = (apart[..., 0] * sides[:, None, 1] - apart[..., 1] * sides[:, None, 0]) / cross
    met = (along > 0) & (along < 1) & (other > 0) & (other < 1) & (np.abs(cross) > 1e-15)
    visits = []
    for name, (j, k) in enumerate(zip(*np.nonzero(np.triu(met)), strict=True)):
        point = curve[j] + along[j, k] * sides[j]
        visits += [(j + along[j, k], name, point), (k + other[j, k], name, point)]
    walk = [(float(k), -1, point) for k, point in enumerate(curve)] + visits
    loops, passed = [], []
    for _, name, point in sorted(walk, key=lambda visit: visit[:2]):
        before = [place for place, (known, _) in enumerate(passed) if known == name >= 0]
        if before:
            loops.append(np.array([at for _, at in passed[before[0] :]]))
            del passed[before[0] + 1 :]
        else:
            passed.append((name, point))
    return [*loops, np.array([at for _, at in passed])]


def measure(curve: np.ndarray) -> tuple[float, float, float]:
    """Return F, the lobes' balance of areas, and that of perimeters."""
    areas, lengths = [], []
    for loop in simple_loops(curve):
        after = np.roll(loop, -1, axis=0)
        areas.append(0.5 * abs(float(np.sum(loop[:, 0] * after[:, 1] - loop[:, 1] * after[:, 0]))))
        lengths.append(float(np.hypot(*(after - loop).T).sum()))
    order = np.argsort(areas)[::-1]
    areas, lengths = [areas[k] for k in order], [lengths[k] for k in order]
    factor = 4 * np.pi * sum(areas) / sum(lengths) ** 2
    if len(areas) < 2:
        return factor, 0.0, 0.0
    return factor, areas[1] / areas[0], lengths[1] / lengths[0]


def search(balance: float) -> None:
    """Print the best form factor with at least this balance of areas."""
    weakest = WEAKEST if balance else 0.0
    bounds = [*((-1.5, 1.5),) * (2 * HARMONICS + 1), (0.0, np.pi)]

    def loss(numbers: np.ndarray) -> float:
        curve, decay = curve_of(numbers)
        outside = max(0.0, decay - DECAY) + max(0.0, weakest - decay)
        if outside > 0:
            return 1.0 + outside  # no loop is measured where the law is not allowed
        factor, areas, _ = measure(curve)
        missed = max(0.0, balance - areas)
        return 1.0 + missed if missed > 0 else -factor

    begun = time.process_time()
    found = differential_evolution(
        loss,
        bounds,
        seed=SEED,
        popsize=POPULATION,
        maxiter=GENERATIONS,
        init=_start(bounds, weakest),
        tol=1e-8,
        polish=False,
    )
    curve, decay = curve_of(found.x)
    factor, areas, lengths = measure(curve)
    ours = qm.find_loops(_trajectory(found.x))[0]
    print(
        f"balance >= {balance:4.2f}: F = {factor:.4f}, areas {areas:.3f}, "
        f"perimeters {lengths:.3f}, "
        f"∫Γ = {decay:.3f}; find_loops: F = {ours.form_factor:.4f}, balance {ours.balance:.3f}, "
        f"bound {ours.form_factor_bound:.3f}; {found.nfev} loops, "
        f"{time.process_time() - begun:.0f} s of processor",
        flush=True,
    )


def _start(bounds: list[tuple[float, float]], weakest: float) -> np.ndarray:
    """Return random members, ∫Γ spread evenly over what is allowed: few others have so little."""
    random = np.random.default_rng(SEED)
    low, high = np.array(bounds).T
    population = random.uniform(low, high, (POPULATION * len(bounds), len(bounds)))
    for row in population:
        wanted = random.uniform(max(weakest, 0.05), DECAY)
        row[:-1] *= np.sqrt(wanted / curve_of(row)[1])
    return population


def _trajectory(numbers: np.ndarray) -> qm.Trajectory:
    law = qm.HarmonicRate(tuple(float(value) for value in numbers[:-1]))
    model = qm.Memristor(law, a=np.pi / 4, b=float(numbers[-1]))
    return qm.exact_circuit(model, TIMES)


def main() -> None:
    """Search with the balance free and held at 0.28 and 0.9; read our own optimum."""
    for balance in (0.0, 0.28, 0.9):
        search(balance)


if __name__ == "__main__":
    main()
