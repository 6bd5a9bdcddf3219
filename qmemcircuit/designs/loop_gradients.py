"""How a loop's area, perimeter and lobes move with the vertices of its polygon.

A face is bounded by pieces of the polygon's sides. Where vertices move by δ, a piece from p to q on
the side from vertex i to i + 1 sweeps the area n·(mean δ of the piece), n = (q − p) turned outwards
by 90°, and the mean δ is that at its middle, between δ_i and δ_{i+1}. That crossings move along
their sides changes nothing at first order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.analysis.loop_geometry import close_scaled, noded_lines, winds_around
from qmemcircuit.common.checks import FloatArray

_RETRACED = 1e-9


class NoDerivativeError(ValueError):
    """What was asked for has no derivative there; the message says why.

    `value` is what the quantity has there.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import designs
    >>> blind = qm.Memristor(qm.ConstantRate(0.0), a=0.8, b=0.6)  # no current: no loop
    >>> try:
    ...     qm.gradient(blind, blind.periods(1, points=21), designs.FormFactor(), ["a"])
    ... except designs.NoDerivativeError as error:
    ...     print(type(error).__name__)
    NoDerivativeError
    """

    def __init__(self, message: str, value: float = 0.0) -> None:
        super().__init__(message)
        self.value = value


@dataclass(frozen=True, eq=False)
class LoopShape:
    """Sizes of a polygon and how they move with its vertices.

    Attributes:
        area, perimeter: S and P, chord included.
        area_gradient, perimeter_gradient: ∂/∂(vertices), (P, 2).
        lobes: areas of the faces, largest first.
        lobe_gradients: one for each, (P, 2).
        kink: why S has no derivative, or "".
    """

    area: float
    perimeter: float
    area_gradient: FloatArray
    perimeter_gradient: FloatArray
    lobes: tuple[float, ...]
    lobe_gradients: tuple[FloatArray, ...]
    kink: str


def measure_shape(curve: FloatArray) -> LoopShape:
    """Return the sizes of the closed polygon with vertices `curve`, (P, 2), and their gradients."""
    import shapely

    scaled, extent = close_scaled(curve)
    extent = extent[0]
    sides = np.roll(curve, -1, axis=0) - curve
    lengths = np.hypot(*sides.T)
    unit = sides / np.where(lengths > 0, lengths, 1.0)[:, None]
    pulled = np.roll(unit, 1, axis=0) - unit
    if not np.all(extent > 0):
        return LoopShape(0.0, float(lengths.sum()), 0 * curve, pulled, (), (), _FLAT)
    lines = noded_lines(scaled)
    faces = shapely.get_parts(shapely.polygonize(lines))
    faces = faces[(shapely.area(faces) > 1e-10) & winds_around(faces, scaled)]
    # Sides of unit-box length that lie on each other enclose nothing, and may open either way.
    drawn = float(shapely.length(shapely.union_all(lines)))
    walked = float(np.hypot(*np.diff(scaled, axis=0).T).sum())
    kink = _FLAT if drawn < walked * (1 - _RETRACED) or not len(faces) else ""
    found = sorted(((float(shapely.area(face)), face) for face in faces), key=lambda item: -item[0])
    scale = float(np.prod(extent))
    gradients = [_face_gradient(face, scaled) * scale / extent for _, face in found]
    total = sum(gradients, start=np.zeros_like(curve))
    lobes = tuple(area * scale for area, _ in found)
    return LoopShape(sum(lobes), float(lengths.sum()), total, pulled, lobes, tuple(gradients), kink)


_FLAT = "a stretch of the loop is retraced, where a lobe appears or vanishes"


def _face_gradient(face: Any, scaled: FloatArray) -> FloatArray:
    """Return ∂(area)/∂(vertices) in units of the box, (P, 2)."""
    import shapely

    found = np.zeros((len(scaled) - 1, 2))
    rings = [shapely.get_exterior_ring(face), *face.interiors]
    for number, ring in enumerate(rings):
        points = shapely.get_coordinates(ring)
        if bool(shapely.is_ccw(ring)) != (number == 0):  # holes run the other way
            points = points[::-1]
        pieces = np.diff(points, axis=0)
        outward = np.stack([pieces[:, 1], -pieces[:, 0]], axis=1)
        side, share = _sides_of(0.5 * (points[1:] + points[:-1]), pieces, scaled)
        np.add.at(found, side, outward * (1 - share)[:, None])
        np.add.at(found, (side + 1) % len(found), outward * share[:, None])
    return found


def _sides_of(
    middles: FloatArray, pieces: FloatArray, scaled: FloatArray
) -> tuple[np.ndarray[Any, np.dtype[np.intp]], FloatArray]:
    """Return on which side of the polygon each piece lies, and at which share its middle."""
    begins, sides = scaled[:-1], np.diff(scaled, axis=0)
    squares = np.sum(sides**2, axis=1)
    away = middles[:, None] - begins[None]
    share = np.einsum("pst,st->ps", away, sides) / np.where(squares > 0, squares, 1.0)
    share = np.clip(share, 0.0, 1.0)
    missed = away - share[..., None] * sides[None]
    distance = np.hypot(missed[..., 0], missed[..., 1])
    # Where sides meet at a middle, the one that is parallel to the piece.
    turned = np.abs(pieces[:, None, 0] * sides[None, :, 1] - pieces[:, None, 1] * sides[None, :, 0])
    norms = np.hypot(*pieces.T)[:, None] * np.sqrt(squares)[None]
    distance = distance + 1e-3 * turned / np.where(norms > 0, norms, 1.0) * (distance < 1e-6)
    distance[:, squares == 0] = np.inf
    chosen = np.argmin(distance, axis=1)
    return chosen, share[np.arange(len(middles)), chosen]
