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
# Crossings from which a curve is taken apart; noise makes hundreds.
_STARTS = 16


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


def _winds(faces: Any, rings: FloatArray, owner: IntArray) -> BoolArray:
    """Return whether each face's curve, `rings[owner]` of (N, P + 1, 2), winds around it."""
    import shapely

    found = np.empty(len(faces), dtype=bool)
    inside = shapely.get_coordinates(shapely.point_on_surface(faces))
    for start in range(0, len(faces), _FACES_AT_ONCE):
        part = slice(start, start + _FACES_AT_ONCE)
        x, y = np.moveaxis(rings[owner[part]] - inside[part, np.newaxis], -1, 0)
        above = y > 0
        # The ray to the right is crossed upwards where its origin is on the left of the edge.
        turn = x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]
        up = ~above[:, :-1] & above[:, 1:] & (turn > 0)
        down = above[:, :-1] & ~above[:, 1:] & (turn < 0)
        found[part] = up.sum(axis=1) != down.sum(axis=1)
    return found


def simple_perimeters(curve: FloatArray) -> FloatArray:
    """Return the perimeters of simple loops that the closed curve (P, 2) is made of.

    The curve is cut at its self-crossings: whenever it comes back to a point where it has been,
    what it drew since is a loop, and is taken out. The decomposition depends on where it starts;
    of those from each of the first `_STARTS` crossings, the one with the least ΣP_k² is returned.
    The perimeters are in the curve's own units and add up to its length.
    """
    path, lengths, visits = _walk(curve)
    if not path.size:  # the whole curve is one point
        return np.zeros(1)
    starts = np.flatnonzero(visits[path] > 1)[:_STARTS]
    found = [
        _take_out_loops(np.roll(path, -start), np.roll(lengths, -start))
        for start in (starts if starts.size else [0])
    ]
    return min(found, key=lambda perimeters: float(perimeters @ perimeters))


def _walk(curve: FloatArray) -> tuple[IntArray, FloatArray, IntArray]:
    """Return the points that the curve goes through, the length after each, visits of each."""
    import shapely

    snapped, extent = _snap(curve)
    lines = shapely.linestrings(np.stack([snapped[:-1], snapped[1:]], axis=1))
    noded = _node(np.array(shapely.linestrings(snapped))[np.newaxis])[0]
    points = np.unique(np.round(shapely.get_coordinates(noded) / _GRID), axis=0) * _GRID
    # A crossing stands on an edge up to the rounding of its own coordinates.
    tree = shapely.STRtree(shapely.points(points))
    edge, point = tree.query(lines, predicate="dwithin", distance=8 * _GRID)
    sides = np.diff(snapped, axis=0)
    norm = np.maximum((sides**2).sum(axis=1), _GRID**2)
    along = ((points[point] - snapped[edge]) * sides[edge]).sum(axis=1) / norm[edge]
    order = np.lexsort((along, edge))
    path = point[order]
    path = path[np.append(path[1:] != path[:-1], path[-1] != path[0])]
    steps = (np.roll(points[path], -1, axis=0) - points[path]) * extent.ravel()
    return path, np.hypot(*steps.T), np.bincount(path, minlength=len(points))


def _take_out_loops(path: IntArray, lengths: FloatArray) -> FloatArray:
    """Return the perimeters of the loops that a closed walk over points is made of."""
    found = []
    open_points: list[int] = []
    travelled: list[float] = []  # from the start to each open point
    place: dict[int, int] = {}
    distance = 0.0
    for index in range(len(path) + 1):
        here = int(path[index % len(path)])
        if here in place:
            first = place[here]
            found.append(distance - travelled[first])
            for gone in open_points[first:]:
                del place[gone]
            distance = travelled[first]
            del open_points[first:], travelled[first:]
        place[here] = len(open_points)
        open_points.append(here)
        travelled.append(distance)
        distance += float(lengths[index % len(path)])
    return np.array(found)


def measure_curves(curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return area S, perimeter P and F = 4πS/P² of curves of shape (N, P, 2).

    S is the area of the points that the closed curve winds around, each counted once.
    """
    import shapely

    snapped, extent = _snap(curves)
    noded = np.asarray(_node(shapely.linestrings(snapped)))
    # Polygonising the noded ring gives every bounded face once; they do not overlap.
    faces, owner = shapely.get_parts(shapely.polygonize(noded[:, np.newaxis]), return_index=True)
    wound = np.where(_winds(faces, snapped, owner), shapely.area(faces), 0.0)
    areas = np.bincount(owner, weights=wound, minlength=len(curves))
    areas = np.where(areas > _SLIVER, areas, 0.0) * np.prod(extent[:, 0], axis=-1)
    sides = np.diff(curves, axis=-2, append=curves[..., :1, :])
    perimeters = np.hypot(sides[..., 0], sides[..., 1]).sum(axis=-1)
    return areas, perimeters, _form_factor(areas, perimeters)


def _form_factor(areas: FloatArray, perimeters: FloatArray) -> FloatArray:
    positive = perimeters > 0
    return np.where(positive, 4 * np.pi * areas / np.where(positive, perimeters, 1.0) ** 2, 0.0)


def find_faces(curve: FloatArray) -> tuple[tuple[float, ...], tuple[float, float] | None]:
    """Return the areas of the faces wound around and the self-crossing nearest the origin."""
    import shapely

    snapped, extent = _snap(curve)
    noded = shapely.get_parts(_node(np.array(shapely.linestrings(snapped))[np.newaxis])[0])
    noded = noded[shapely.length(noded) > 0]  # a chord from a point to itself
    if not len(noded):  # the whole curve is one point
        return (), None
    faces = shapely.get_parts(shapely.polygonize(noded))
    faces = faces[_winds(faces, snapped[np.newaxis], np.zeros(len(faces), dtype=np.int64))]
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
