"""Polygons that cross themselves: a loop's vertices, enclosed area, perimeter and faces."""

from __future__ import annotations

import numpy as np

from qmemcircuit.common.checks import FloatArray

# Coordinates are snapped to this fraction of the curve's extent before the geometry, so that two
# passages through the pinch that differ by rounding (sin π = 1.2e-16) meet in one point.
_SNAP_DIGITS = 12
# Faces below this fraction of the bounding box are rounding between two retraced branches.
_SLIVER = 1e-10


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


def _snap(curves: FloatArray) -> FloatArray:
    """Close `curves`, shape (…, P, 2), and snap them to a grid fine against their extent."""
    extent = np.abs(curves).max(axis=-2, keepdims=True)
    extent = np.where(extent > 0, extent, 1.0)
    snapped = np.round(curves / extent, _SNAP_DIGITS) * extent + 0.0  # no negative zeros
    return np.concatenate([snapped, snapped[..., :1, :]], axis=-2)


def measure_curves(curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return enclosed area S, perimeter P and F = 4πS/P² of curves of shape (N, P, 2)."""
    import shapely

    lines = shapely.linestrings(_snap(curves))
    # Polygonising the noded ring gives every bounded face once; their sum is the union's area.
    faces = shapely.polygonize(shapely.node(lines)[:, np.newaxis])
    box = np.prod(np.ptp(curves, axis=-2), axis=-1)
    areas = np.asarray(shapely.area(faces))
    areas = np.where(areas > _SLIVER * box, areas, 0.0)
    perimeters = np.asarray(shapely.length(lines))
    return areas, perimeters, _form_factor(areas, perimeters)


def _form_factor(areas: FloatArray, perimeters: FloatArray) -> FloatArray:
    positive = perimeters > 0
    return np.where(positive, 4 * np.pi * areas / np.where(positive, perimeters, 1.0) ** 2, 0.0)


def find_faces(curve: FloatArray) -> tuple[tuple[float, ...], tuple[float, float] | None]:
    """Return the areas of the enclosed faces and the self-intersection nearest the origin."""
    import shapely

    noded = shapely.get_parts(shapely.node(shapely.linestrings(_snap(curve))))
    noded = noded[shapely.length(noded) > 0]  # a chord from a point to itself
    if not len(noded):  # the whole curve is one point
        return (), None
    faces = shapely.get_parts(shapely.polygonize(noded))
    areas = np.sort(np.asarray(shapely.area(faces)))[::-1]
    lobes = tuple(float(area) for area in areas if area > _SLIVER * np.prod(np.ptp(curve, axis=0)))
    ends = np.concatenate([shapely.get_coordinates(part)[[0, -1]] for part in noded])
    points, degree = np.unique(ends, axis=0, return_counts=True)
    crossings = points[degree >= 4]  # two branches in, two out; a closing point has 2
    if not len(crossings):
        return lobes, None
    nearest = crossings[np.argmin(np.hypot(*crossings.T))]
    return lobes, (float(nearest[0]), float(nearest[1]))
