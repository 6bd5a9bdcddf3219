"""What `certify` promises of digital circuits, for any input, at each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmemcircuit.common.arguments import check_fields
from qmemcircuit.common.checks import FloatArray
from qmemcircuit.common.data_objects import data_object


@data_object
@dataclass(frozen=True, eq=False)
class Certificate:
    """Bounds on half the diamond norm of digital minus exact, from t = 0 to each time.

    Attributes:
        times: shape (T,).
        lower, upper: shape (T,). No input, entangled or not, gives a trace distance above `upper`
            between the digital circuit's state and the master equation's; some input gives at
            least `lower`. The integration error of the exact map, 1e-9, is in both.
        voltage, current: shape (T, M). No input gives a |ΔV| or |ΔI| above it: `upper` times the
            difference of the largest and the smallest value that any state has. I is the master
            equation's operator at both states.

    Raises:
        ValueError: for shapes that do not fit.

    >>> import qmemcircuit as qm
    >>> pair = qm.chain([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 2, qm.Native("y", 0.06))
    >>> certificate = qm.certify(pair, [0.0, 2.0, 4.0])
    >>> bool((certificate.lower <= certificate.upper).all())
    True
    """

    times: FloatArray
    lower: FloatArray
    upper: FloatArray
    voltage: FloatArray
    current: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)
        count = np.shape(self.times)
        for name in ("lower", "upper", "voltage", "current"):
            shape = np.shape(getattr(self, name))
            if shape[:1] != count or len(shape) != (1 if name in ("lower", "upper") else 2):
                raise ValueError(
                    f"Argument {name} must have shape ({', '.join(map(str, count))}"
                    f"{',' if name in ('lower', 'upper') else ', M'}), but {shape} was given."
                )

    @property
    def largest(self) -> float:
        """The upper bound that holds at all of the times."""
        return float(self.upper.max())

    def __str__(self) -> str:
        """Return the sentence that a person reads."""
        worst = int(np.argmax(self.upper))
        return (
            f"certificate: for any input, digital and exact states differ by at most "
            f"{self.upper[worst]:.3g} in trace distance (t = {self.times[worst]:.4g}); for some, "
            f"by at least {self.lower[worst]:.3g}"
        )
