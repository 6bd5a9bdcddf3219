"""Polygons that cross themselves: a loop's vertices, area, perimeter, faces and simple loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmemcircuit.common.checks import BoolArray, FloatArray, IntArray

# The geometry is done on curves scaled to a unit box and snapped to this grid, so that two passages
# through the pinch that differ by rounding (sin π = 1.2e-16) meet in one point, and a loop that is
# thin in its own units is not.
_GRID = 1e-11
# Areas below this fraction of the box are rounding between two retraced branches.
_SLIVER = 1e-10
# Faces whose winding numbers are counted together: some ten megabytes at a hundred vertices.
_FACES_AT_ONCE = 2000


def window_matrix(times: FloatArray, start: float, stop: float) -> FloatArray:
    """Return the matrix (P, T) that takes samples to one loop's vertices, ends interpolated."""
    vertices = vertex_times(times, start, stop)
    after = np.clip(np.searchsorted(times, vertices), 1, times.size - 1)
    before = after - 1
    weight = np.clip((vertices - times[before]) / (times[after] - times[before]), 0.0, 1.0)
    # A vertex that is a sample up to rounding is that sample.
    weight = np.where(np.abs(weight - np.round(weight)) < 1e-9, np.round(weight), weight)
    matrix = np.zeros((vertices.size, times.size))
    rows = np.arange(vertices.size)
    matrix[rows, before] += 1 - weight
    matrix[rows, after] += weight
    return matrix


def vertex_times(times: FloatArray, start: float, stop: float) -> FloatArray:
    """Return the loop's two end points and the sample times strictly between them."""
    slack = 1e-9 * (stop - start)
    inside = times[(times > start + slack) & (times < stop - slack)]
    return np.concatenate([[start], inside, [stop]])


def _snap(curves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Close `curves`, (…, P, 2), in units of their extent, and return the extent, (…, 1, 2)."""
    largest = np.abs(curves).max(axis=-2, keepdims=True)
    extent = np.ptp(curves, axis=-2, keepdims=True)
    # An extent of rounding errors is a point.
    extent = np.where(extent > 1e-14 * largest, extent, 0.0)
    middle = (curves.max(axis=-2, keepdims=True) + curves.min(axis=-2, keepdims=True)) / 2
    unit = (curves - middle) / np.where(extent > 0, extent, np.inf)
    snapped = np.round(unit / _GRID) * _GRID + 0.0  # no negative zeros
    return np.concatenate([snapped, snapped[..., :1, :]], axis=-2), extent


def close_scaled(curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return one closed curve in units of its extent, on the grid, and the extent (1, 2)."""
    return _snap(curve)


def noded_lines(scaled: FloatArray) -> Any:
    """Return the lines of one closed curve (P + 1, 2), cut wherever they meet."""
    import shapely

    lines = shapely.get_parts(_node(np.array(shapely.linestrings(scaled))[np.newaxis])[0])
    return lines[shapely.length(lines) > 0]


def _node(lines: Any) -> Any:
    """Cut lines at every point where they meet.

    The fast noding does not converge on some retraced lines (GEOS's TopologyException); snap
    rounding always does.
    """
    import shapely

    try:
        return shapely.node(lines)
    except shapely.errors.GEOSException:
        return shapely.union_all(lines[..., np.newaxis], axis=-1, grid_size=_GRID)


def winds_around(faces: Any, rings: FloatArray, owner: IntArray | None = None) -> BoolArray:
    """Return whether each face's closed curve winds around it: whether its winding number is ≠ 0.

    Args:
        faces: shapely polygons, K of them.
        rings: the closed curves, (N, P + 1, 2), or one alone, (P + 1, 2).
        owner: whose face each one is, (K,); None where there is one curve.
    """
    import shapely

    rings = rings.reshape(-1, *rings.shape[-2:])
    whose = np.zeros(len(faces), dtype=np.int64) if owner is None else owner
    found = np.empty(len(faces), dtype=bool)
    inside = shapely.get_coordinates(shapely.point_on_surface(faces))
    for start in range(0, len(faces), _FACES_AT_ONCE):
        part = slice(start, start + _FACES_AT_ONCE)
        x, y = np.moveaxis(rings[whose[part]] - inside[part, np.newaxis], -1, 0)
        above = y > 0
        # The ray to the right is crossed upwards where its origin is on the left of the edge.
        turn = x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]
        up = ~above[:, :-1] & above[:, 1:] & (turn > 0)
        down = above[:, :-1] & ~above[:, 1:] & (turn < 0)
        found[part] = up.sum(axis=1) != down.sum(axis=1)
    return found


def measure_curves(curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return area S, perimeter P and F = 4πS/P² of curves of shape (N, P, 2).

    S is the area of the points that the closed curve winds around, each counted once.
    """
    import shapely

    snapped, extent = _snap(curves)
    noded = np.asarray(_node(shapely.linestrings(snapped)))
    # Polygonising the noded ring gives every bounded face once; they do not overlap.
    faces, owner = shapely.get_parts(shapely.polygonize(noded[:, np.newaxis]), return_index=True)
    wound = np.where(winds_around(faces, snapped, owner), shapely.area(faces), 0.0)
    areas = np.bincount(owner, weights=wound, minlength=len(curves))
    areas = np.where(areas > _SLIVER, areas, 0.0) * np.prod(extent[:, 0], axis=-1)
    perimeters = lengths_of(curves)
    return areas, perimeters, _form_factor(areas, perimeters)


def lengths_of(curves: FloatArray) -> FloatArray:
    """Return the perimeters of closed curves (…, P, 2)."""
    sides = np.diff(curves, axis=-2, append=curves[..., :1, :])
    return np.asarray(np.hypot(sides[..., 0], sides[..., 1]).sum(axis=-1))


def _form_factor(areas: FloatArray, perimeters: FloatArray) -> FloatArray:
    positive = perimeters > 0
    return np.where(positive, 4 * np.pi * areas / np.where(positive, perimeters, 1.0) ** 2, 0.0)


def simple_loop_perimeters(curve: FloatArray) -> FloatArray:
    """Cut a closed curve at its self-crossings into simple loops; return their perimeters.

    Walking along it, whatever was passed since a crossing was met for the first time is cut out
    when it is met again. Together they are the whole perimeter. Which loops there are depends on
    where the walk starts; stretches that are retraced exactly are not cut.
    """
    starts = _snap(curve)[0][:-1]
    steps = np.roll(starts, -1, axis=0) - starts
    lengths = np.hypot(*(np.roll(curve, -1, axis=0) - curve).T)
    apart = starts[None] - starts[:, None]
    crossed = steps[:, None, 0] * steps[None, :, 1] - steps[:, None, 1] * steps[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (apart[..., 0] * steps[None, :, 1] - apart[..., 1] * steps[None, :, 0]) / crossed
        other = (apart[..., 0] * steps[:, None, 1] - apart[..., 1] * steps[:, None, 0]) / crossed
    inside = (along >= 0) & (along < 1) & (other >= 0) & (other < 1) & (np.abs(crossed) > 1e-14)
    # Passing twice through one vertex is a crossing, whatever the sides' directions are.
    same = np.all(apart == 0, axis=2)
    along, other = np.where(same, 0.0, along), np.where(same, 0.0, other)
    inside |= same
    first, second = np.nonzero(np.triu(inside, 1))
    met = [(i, along[i, j], k) for k, (i, j) in enumerate(zip(first, second, strict=True))]
    met += [(j, other[i, j], k) for k, (i, j) in enumerate(zip(first, second, strict=True))]
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    open_crossings: dict[int, float] = {}  # at which length of what is left of the path
    perimeters, length, last = [], 0.0, 0.0
    for segment, share, crossing in sorted(met):
        arc = float(before[segment] + share * lengths[segment])
        length, last = length + arc - last, arc
        if crossing not in open_crossings:
            open_crossings[crossing] = length
            continue
        perimeters.append(length - open_crossings[crossing])
        length = open_crossings[crossing]
        open_crossings = {k: at for k, at in open_crossings.items() if at < length}
    perimeters.append(length + float(before[-1]) - last)
    return np.array(perimeters)


def find_faces(curve: FloatArray) -> tuple[tuple[float, ...], tuple[float, float] | None]:
    """Return the areas of the faces wound around and the self-crossing nearest the origin."""
    import shapely

    snapped, extent = _snap(curve)
    noded = noded_lines(snapped)  # without a chord from a point to itself
    if not len(noded):  # the whole curve is one point
        return (), None
    faces = shapely.get_parts(shapely.polygonize(noded))
    faces = faces[winds_around(faces, snapped)]
    areas = np.sort(np.asarray(shapely.area(faces)))[::-1]
    lobes = tuple(float(area * np.prod(extent)) for area in areas if area > _SLIVER)
    ends = np.concatenate([shapely.get_coordinates(part)[[0, -1]] for part in noded])
    # Rounding to the grid: snap rounding and the fast noding compute crossings differently.
    points, degree = np.unique(np.round(ends / _GRID), axis=0, return_counts=True)
    middle = (curve.max(axis=0) + curve.min(axis=0)) / 2
    crossings = points[degree >= 4] * _GRID * extent + middle  # two branches in, two out
    if not len(crossings):
        return lobes, None
    nearest = crossings[np.argmin(np.hypot(*crossings.T))]
    return lobes, (float(nearest[0]), float(nearest[1]))
