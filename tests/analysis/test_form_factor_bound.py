"""The bound of the form factor: two circles, random loops, memristors, and the ring of lenses.

The judge of the area is a winding number summed from angles, on a grid of points: nothing is
shared with the crossings that the package counts.
"""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import qmemcircuit as qm
from qmemcircuit.analysis.loop_geometry import measure_curves, simple_perimeters


def loop_of(curve):
    times = np.linspace(0, 1, len(curve) + 1)
    closed = np.concatenate([curve, curve[:1]])
    run = qm.Trajectory(
        times, voltage=closed[:, :1], current=closed[:, 1:], periods=np.array([1.0])
    )
    return qm.find_loops(run, normalise=None)[0]


def random_curve(random, harmonics, points=150):
    phases = 2 * np.pi * np.arange(points) / points
    orders = np.arange(1, harmonics + 1)
    waves = np.exp(1j * np.multiply.outer(phases, np.concatenate([orders, -orders])))
    weights = random.normal(size=(2 * harmonics, 2)) @ [1, 1j] / np.tile(orders, 2)
    values = waves @ weights
    return np.stack([values.real, values.imag], axis=-1)


def lens_ring(lenses, points=24, width=0.5):
    """Thin lenses in a closed chain around a circle: outer sides forth, inner sides back."""
    angles = 2 * np.pi * np.arange(lenses * points) / (lenses * points)
    bulge = width / lenses * np.abs(np.sin(lenses * angles / 2))
    forth, back = [
        np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=-1)
        for radius in (1 + bulge, 1 - bulge)
    ]
    return np.concatenate([forth, forth[:1], back[::-1]])


def all_faces(curve):
    """Return the area of every bounded face: what `find_loops` measured up to November 2026."""
    ring = shapely.node(shapely.linestrings(np.concatenate([curve, curve[:1]])))
    return shapely.area(shapely.polygonize([ring]))


def wound_area(curve, points=120):
    """Return the area wound around, by angles at the middles of a grid's cells."""
    low, size = curve.min(axis=0), np.ptp(curve, axis=0)
    places = (np.arange(points) + 0.5) / points
    grid = (low + size * np.stack(np.meshgrid(places, places), axis=-1)).reshape(-1, 1, 2)
    seen = (curve - grid) @ [1, 1j]
    turns = np.angle(np.roll(seen, -1, axis=1) / seen).sum(axis=1) / (2 * np.pi)
    return np.mean(np.abs(turns) > 0.5) * np.prod(size)


def test_two_circles_that_touch_reach_one_half_and_one_circle_reaches_one():
    angles = 2 * np.pi * np.arange(400) / 400
    circle = np.stack([1 - np.cos(angles), np.sin(angles)], axis=-1)
    alone = loop_of(circle)
    assert alone.form_factor_bound == pytest.approx(1)
    assert alone.form_factor == pytest.approx(1, abs=1e-4)
    assert alone.lobe_balance == 0
    for size in (1.0, 0.3):
        both = loop_of(np.concatenate([circle, -size * circle]))
        expected = (1 + size**2) / (1 + size) ** 2
        assert both.form_factor_bound == pytest.approx(expected)
        assert both.form_factor == pytest.approx(expected, abs=1e-4)
        assert both.lobe_balance == pytest.approx(size**2)


@pytest.mark.parametrize("harmonics", [2, 3, 6])
def test_no_random_loop_exceeds_the_bound(harmonics):
    random = np.random.default_rng(harmonics)
    for _ in range(60):
        curve = random_curve(random, harmonics)
        perimeters = simple_perimeters(curve)
        _, [perimeter], [factor] = measure_curves(curve[None])
        assert perimeters.sum() == pytest.approx(perimeter, rel=1e-9)
        assert factor <= perimeters @ perimeters / perimeter**2 + 1e-9


def test_memristors_stay_below_their_bound():
    random = np.random.default_rng(5)
    for _ in range(20):
        memristor = qm.Memristor(
            qm.SquidRate(10 ** random.uniform(-2, 0.5)), a=random.uniform(0.2, 1.4)
        )
        [loop] = qm.find_loops(qm.exact_circuit(memristor, memristor.periods(1, points=80)))
        assert loop.form_factor <= loop.form_factor_bound + 1e-9


@pytest.mark.parametrize("lenses", [8, 16])
def test_a_ring_of_lenses_keeps_the_bound_and_the_area_of_all_faces_breaks_it(lenses):
    ring = lens_ring(lenses)
    loop = loop_of(ring)
    assert loop.form_factor <= loop.form_factor_bound
    assert loop.form_factor_bound < 1.5 / lenses
    mutant = 4 * np.pi * all_faces(ring) / loop.perimeter**2
    assert mutant > loop.form_factor_bound  # the hole has winding 0
    assert len(loop.lobes) == lenses


def test_the_area_is_that_of_the_points_wound_around():
    """Against angles on a grid: its error is the cells that the curve goes through, some 2 %."""
    random = np.random.default_rng(8)
    curves = [random_curve(random, 5) for _ in range(6)] + [lens_ring(8)]
    differing = 0
    for curve in curves:
        box = np.prod(np.ptp(curve, axis=0))
        [area] = measure_curves(curve[None])[0]
        assert area == pytest.approx(wound_area(curve), abs=0.02 * box)
        differing += all_faces(curve) - area > 0.05 * box
    assert differing >= 1


def test_a_retraced_line_and_a_point():
    line = np.stack([np.sin(np.linspace(0, 2 * np.pi, 41))] * 2, axis=-1)
    loop = loop_of(line)
    assert loop.form_factor == 0
    assert 0 < loop.form_factor_bound <= 1
    assert loop_of(np.zeros((5, 2))).form_factor_bound == 0
