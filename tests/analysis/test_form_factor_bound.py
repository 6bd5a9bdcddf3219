"""The isoperimetric bound on form factors: circles, random loops by windings, a ring of lenses."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import qmemcircuit as qm
from qmemcircuit.analysis.loop_geometry import find_faces, measure_curves, simple_loop_perimeters


def circle(turns: float, points: int, centre: float, radius: float, start: float) -> np.ndarray:
    angle = start + 2 * np.pi * turns * np.arange(points) / points
    return np.stack([centre + radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def eight(first: float, second: float, points: int = 400) -> np.ndarray:
    """Return two circles that touch at the origin, run one after the other."""
    left = circle(1, points, -first, first, 0.0)
    right = circle(-1, points, second, second, np.pi)
    return np.concatenate([left, right])


def bound(curve: np.ndarray) -> float:
    perimeters = simple_loop_perimeters(curve)
    assert perimeters.sum() == pytest.approx(
        np.hypot(*(np.roll(curve, -1, axis=0) - curve).T).sum()
    )
    return float((perimeters**2).sum() / perimeters.sum() ** 2)


@pytest.mark.parametrize("second", [1.0, 0.5, 0.1])
def test_touching_circles_reach_the_bound(second: float) -> None:
    curve = eight(1.0, second)
    wanted = (1 + second**2) / (1 + second) ** 2
    assert bound(curve) == pytest.approx(wanted, rel=1e-3)
    assert measure_curves(curve[None])[2][0] == pytest.approx(wanted, rel=1e-3)


def winding_area(curve: np.ndarray, cells: int = 120) -> float:
    """Return the area of the points with winding number ≠ 0, by counting on a grid."""
    low, high = curve.min(axis=0), curve.max(axis=0)
    x, y = (
        np.linspace(a, b, cells, endpoint=False) + (b - a) / 2 / cells
        for a, b in zip(low, high, strict=True)
    )
    ends = np.roll(curve, -1, axis=0)
    up = (curve[None, :, 1] <= y[:, None]) & (ends[None, :, 1] > y[:, None])
    down = (curve[None, :, 1] > y[:, None]) & (ends[None, :, 1] <= y[:, None])
    rise = np.where(ends[:, 1] == curve[:, 1], 1.0, ends[:, 1] - curve[:, 1])
    meets = curve[None, :, 0] + (y[:, None] - curve[:, 1]) * (ends[:, 0] - curve[:, 0]) / rise
    right = meets[:, None, :] > x[None, :, None]
    number = (right & up[:, None]).sum(axis=2) - (right & down[:, None]).sum(axis=2)
    return float(np.mean(number != 0) * np.prod(high - low))


def random_curve(random: np.random.Generator, harmonics: int, points: int) -> np.ndarray:
    phases = np.linspace(0, 2 * np.pi, points, endpoint=False)
    order = np.arange(1, harmonics + 1)
    terms = random.normal(size=(2, harmonics, 2)) / order[:, None]
    waves = np.stack([np.cos(np.outer(order, phases)), np.sin(np.outer(order, phases))], axis=1)
    return np.einsum("aks,ksp->pa", terms, waves)


def test_no_random_loop_encloses_more_than_the_bound() -> None:
    random = np.random.default_rng(5)
    closest = 0.0
    for _ in range(150):
        curve = random_curve(random, 3, 90)
        perimeter = simple_loop_perimeters(curve).sum()
        found = 4 * np.pi * winding_area(curve) / perimeter**2
        assert found <= bound(curve) + 0.01  # the grid's error
        assert measure_curves(curve[None])[2][0] <= bound(curve) + 1e-9
        closest = max(closest, found / bound(curve))
    assert closest > 0.8


def all_faces(curve: np.ndarray) -> float:
    """Return the form factor of every bounded face: what was measured up to November 2026."""
    closed = np.concatenate([curve, curve[:1]])
    area = shapely.area(shapely.polygonize([shapely.node(shapely.linestrings(closed))]))
    return float(4 * np.pi * area / np.hypot(*np.diff(closed, axis=0).T).sum() ** 2)


def test_a_ring_of_lenses_keeps_the_bound_and_the_area_of_all_faces_breaks_it() -> None:
    """The middle of the ring has winding number 0."""
    lenses, each = 12, 30
    share = np.arange(lenses * each) / each
    bulge = 0.05 * np.abs(np.sin(np.pi * share))
    angle = 2 * np.pi * share / lenses
    outer, inner = (
        np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1) for r in (1 + bulge, 1 - bulge)
    )
    # From the middle of a lens on: who starts at a junction is back there after the outer side.
    curve = np.roll(np.concatenate([outer, outer[:1], inner[::-1]]), -each // 2, axis=0)
    measured = measure_curves(curve[None])[2][0]
    assert measured <= bound(curve) < 0.12 < 0.2 < all_faces(curve)
    assert len(find_faces(curve)[0]) == lenses


def test_the_area_is_that_of_the_points_wound_around() -> None:
    """On a grid whose error is the cells that the curve goes through."""
    random = np.random.default_rng(8)
    for curve in [random_curve(random, 5, 150) for _ in range(5)]:
        area = measure_curves(curve[None])[0][0]
        assert area == pytest.approx(winding_area(curve), abs=0.02 * np.prod(np.ptp(curve, 0)))


def test_a_clean_eight_has_the_area_of_all_its_faces() -> None:
    curve = eight(1.0, 0.6, 90)
    assert measure_curves(curve[None])[2][0] == pytest.approx(all_faces(curve), rel=1e-9)


def test_loops_say_their_bound_and_balance() -> None:
    memristor = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
    for loop in qm.find_loops(qm.master_equation(memristor, memristor.periods(2, points=60))):
        assert loop.form_factor <= loop.form_factor_bound <= 1
        assert loop.form_factor_bound > 0.5
        assert loop.balance == pytest.approx(loop.lobes[1] / loop.lobes[0])
        assert 0 < loop.balance < 1
