"""What a gradient costs, in forward passes, and how far it is from finite differences.

python -m experiments.benchmarks.gradients
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import qmemcircuit as qm
from qmemcircuit.designs import ConcurrenceAt, FormFactor, Quantity
from qmemcircuit.designs.gradients import solve_model
from qmemcircuit.designs.parameters import parameter_names, read_parameter, with_parameters

REPEATS = 15


def main() -> None:
    """Print, for one memristor and a pair at 91 times, processor time and largest difference."""
    single = qm.Memristor(qm.HarmonicRate((0.3, 0.2, 0.1, -0.1, 0.2)), a=0.9, b=0.6)
    members = [qm.Memristor(qm.SquidRate(0.2), a=a, b=0.5) for a in (0.8, 1.1)]
    pair = qm.Network(members, {(0, 1): qm.Native("y", 1 / 15)})
    cases: tuple[tuple[str, qm.Memristor | qm.Network, Quantity], ...] = (
        ("memristor, form factor", single, FormFactor()),
        ("pair, form factor", pair, FormFactor()),
        ("pair, concurrence", pair, ConcurrenceAt(40)),
    )
    for case in cases:
        _report(*case)


def _report(label: str, model: qm.Memristor | qm.Network, quantity: Quantity) -> None:
    times = model.periods(3, points=30)
    names = [n for n in parameter_names(model) if not n.endswith(("omega", "time_scale"))]
    # Reading V and I belongs to a forward pass; so does the number itself.
    forward = _median(lambda: quantity.measure(solve_model(model, times, "strang")))
    engine = _median(lambda: qm.exact_circuit(model, times, splitting="strang"))
    both = _median(lambda: qm.gradient(model, times, quantity, names, splitting="strang"))
    found = qm.gradient(model, times, quantity, names, splitting="strang")
    worst = 0.0
    for name in names:
        at = read_parameter(model, name)
        if at < 1e-3 and name.endswith(("occupation", "dephasing")):
            continue  # roots bend there, and differences would need negative baths
        step = 2e-4

        def value(x: float, name: str = name) -> float:
            moved = with_parameters(model, {name: x})
            return quantity.measure(solve_model(moved, times, "strang"))[0]

        slope = (value(at - 2 * step) - value(at + 2 * step)) / 12
        slope += (value(at + step) - value(at - step)) * 2 / 3
        worst = max(worst, abs(slope / step - float(found[name])))
    print(
        f"{label}: {len(names)} parameters; forward {1e3 * forward:.2f} ms "
        f"(exact_circuit {1e3 * engine:.2f} ms), with the gradient {1e3 * both:.2f} ms, "
        f"{both / forward:.2f} forward passes; largest difference from fourth-order "
        f"differences {worst:.1e}"
    )


def _median(function: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        begun = time.process_time()
        function()
        seconds.append(time.process_time() - begun)
    return float(np.median(seconds))


if __name__ == "__main__":
    main()
