"""Genuine entanglement of four memristors: chain, ring, star; native and controlled couplings.

To see: counts show genuine entanglement of four on every graph, for native couplings and for the
controlled σz rotation; the controlled σy rotation makes hardly any (a). A fifth of the 81 settings
show nearly all of it, and a noise model shows it, too (b).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

import qmemcircuit as qm
from experiments.drawing import TWO_COLUMNS, letter_panels
from experiments.guo2022.params import PAIR_INFERENCE, PAIR_STRENGTH
from experiments.network.identical import MEMRISTOR
from experiments.results import Quantity, Result, Settings
from qmemcircuit.analysis.multipartite.mixtures import best_witnesses, pauli_means
from qmemcircuit.plotting.figures import PALETTE, make_figure
from qmemcircuit.runs.jobs.services import fake_backend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRAPHS = {"chain": qm.chain, "ring": qm.ring, "star": qm.star}
COUPLINGS = {
    "σzσz": qm.Native("z", PAIR_STRENGTH),
    "σyσy": qm.Native("y", PAIR_STRENGTH),
    "iSWAP": qm.PartialISwap(PAIR_STRENGTH),
    "CR_z": qm.ControlledRotation("z", PAIR_STRENGTH),
    "CR_y": qm.ControlledRotation("y", PAIR_STRENGTH),
}
TIMES = {
    # In periods: where the least negativity of the seven cuts, which bounds the genuine one, is
    # largest within six periods on a grid of T/12. One programme takes some 15 processor seconds.
    "σzσz": {"chain": 1.333, "ring": 1.25, "star": 1.333},
    "σyσy": {"chain": 2.167, "ring": 2.083, "star": 2.167},
    "iSWAP": {"chain": 2.25, "ring": 2.25, "star": 2.25},
    "CR_z": {"chain": 4.25, "ring": 3.25, "star": 4.25},
    # On the ring alone: on chain and star that bound is 0.013, and the programme takes a minute.
    "CR_y": {"ring": 0.25},
}
SHOTS = 20_000
STEPS = 160

DEVICE = "FakePittsburgh"
RANKED = ("chain", "σzσz")
DEVICE_SETTINGS = 18
"""Of 81, so that the device's density matrices of ten qubits take a minute."""

DEVICE_STEPS = 1
"""σzσz commutes with the free evolution, so that a single Strang step splits the damping alone."""

FACTORS = (1, 3)


def _cluster() -> np.ndarray:
    vector = np.zeros(16)
    vector[[0b0000, 0b0011, 0b1100]], vector[0b1111] = 0.5, -0.5
    return vector


def _dicke() -> np.ndarray:
    return np.array([bin(row).count("1") == 2 for row in range(16)]) / np.sqrt(6)


PUBLISHED_NOISE = {"cluster state": (_cluster(), 0.615), "Dicke state of two": (_dicke(), 0.539)}
"""White noise up to which four qubits are detected: Jungnitsch et al. (2011), Table I."""


def compute(settings: Settings) -> Result:
    """Find the witnesses on the master equation, and measure them on fresh counts."""
    shots = settings.shots_or(SHOTS)
    cases = [
        (graph, coupling)
        for coupling, times in TIMES.items()
        for graph in times
        if not settings.quick or (graph, coupling) == RANKED
    ]
    advance = settings.stages(len(cases) + (0 if settings.quick else 3))
    rows = []
    for graph, coupling in cases:
        # The inequalities need no programme: a quick run takes them.
        criterion = "elements" if settings.quick else "mixtures"
        rows.append(_case(graph, coupling, criterion, shots, settings.seed))
        advance()
    names = [f"{graph} {coupling}" for graph, coupling in cases]
    data: dict[str, Any] = {
        "cases": xarray.Dataset(
            {key: ("case", [row[key] for row in rows]) for key in rows[0]}, coords={"case": names}
        )
    }
    noise: dict[str, float] = {}
    device: dict[str, float] = {}
    if not settings.quick:
        ranked = qm.rank_settings(_master(*RANKED).states[0])
        advance()
        data["ranked"] = xarray.Dataset(
            {"violation": ("number", [violation for _, violation in ranked])},
            coords={"number": [len(chosen) for chosen, _ in ranked]},
            attrs={"settings": [" ".join(chosen) for chosen, _ in ranked]},
        )
        chosen = next(found for found, _ in ranked if len(found) == DEVICE_SETTINGS)
        device = _on_device(chosen, shots, settings.seed)
        advance()
        noise = {name: _threshold(*item) for name, item in PUBLISHED_NOISE.items()}
        advance()
    parameters = {
        "coupling": f"g = ω/15; {PAIR_INFERENCE}",
        "shots": shots,
        "seed": settings.seed,
        "steps": STEPS,
        "device": DEVICE,
        "device_settings": DEVICE_SETTINGS,
        "on_device": device,
    }
    return Result(data, _quantities(data, device, noise), parameters)


def _master(graph: str, coupling: str) -> Any:
    network = GRAPHS[graph]([MEMRISTOR] * 4, COUPLINGS[coupling])
    times = np.array([TIMES[coupling][graph]]) * MEMRISTOR.period
    return qm.master_equation(network, times)


def _case(graph: str, coupling: str, criterion: Any, shots: int, seed: int) -> dict[str, float]:
    """Return the exact violation, and that of fresh counts of all 81 settings."""
    network = GRAPHS[graph]([MEMRISTOR] * 4, COUPLINGS[coupling])
    master = _master(graph, coupling)
    fixed = qm.genuine_entanglement(master, criterion=criterion)
    record = qm.run(
        network,
        master.times,
        target=qm.aer(seed=seed),
        shots=shots,
        bases="tomography",
        splitting="strang",
        steps=STEPS,
    )
    found = qm.genuine_entanglement(qm.estimate(record), fixed).violation
    assert found.standard_error is not None
    return {
        "exact": float(fixed.violation.value[0]),
        "genuine": float(found.value[0]),
        "error": float(found.standard_error[0]),
        "kind": {"": 0, "GHZ": 1, "W": 2}[fixed.kinds[0]],
        "time": TIMES[coupling][graph],
    }


def _on_device(chosen: tuple[str, ...], shots: int, seed: int) -> dict[str, float]:
    """Return what few settings show on a device's noise model, raw and mitigated."""
    graph, coupling = RANKED
    network, master = GRAPHS[graph]([MEMRISTOR] * 4, COUPLINGS[coupling]), _master(*RANKED)
    target = qm.device(fake_backend(DEVICE), seed=seed)
    how: dict[str, Any] = {
        "target": target,
        "shots": shots,
        "bases": list(chosen),
        "splitting": "strang",
        "steps": DEVICE_STEPS,
        "mitigation": qm.Mitigation(factors=FACTORS, fold_all=True),
    }
    plan = qm.plan(network, master.times, **how)
    with qm.allow_large():
        record = qm.run(network, master.times, **how)
    raw = qm.genuine_entanglement(qm.estimate(record), master)
    split = qm.exact_circuit(network, master.times, splitting="strang", steps=DEVICE_STEPS)
    row = {
        "two_qubit_gates": float(plan.expense.two_qubit_gates[1]),
        "processor_seconds": float(plan.processor_seconds or np.nan),
        "split": float(qm.genuine_entanglement(split, raw).violation.value[0]),
        "exact": float(qm.genuine_entanglement(master, raw).violation.value[0]),
    }
    for name, trajectory in (("raw", qm.estimate(record)), ("mitigated", qm.mitigate(record))):
        found = qm.genuine_entanglement(trajectory, raw).violation
        assert found.standard_error is not None
        row[name] = float(found.value[0])
        row[f"{name}_error"] = float(found.standard_error[0])
    return row


def _threshold(vector: np.ndarray, published: float) -> float:
    """Return the white noise at which E vanishes, on the line through two shares below."""
    shares = np.array([published - 0.06, published - 0.02])
    pure, white = np.outer(vector, vector) + 0j, np.eye(16) / 16
    states = np.array([(1 - share) * pure + share * white for share in shares])
    found = -np.einsum("tp,tp->t", best_witnesses(states), pauli_means(states))
    return float(shares[1] + found[1] * (shares[1] - shares[0]) / (found[0] - found[1]))


def _quantities(
    data: Mapping[str, Any], device: Mapping[str, float], noise: Mapping[str, float]
) -> tuple[Quantity, ...]:
    cases = data["cases"]
    found = []
    for name in cases.case.values:
        item = cases.sel(case=name)
        error = float(item.error)
        kind = ("neither", "GHZ", "W")[int(item.kind)]
        score = float(item.genuine) / error if error > 0 else 0.0
        found.append(
            Quantity(
                f"{name}: genuine negativity",
                float(item.exact),
                error=1e-4,
                evidence=f"at {float(item.time):.2f}T, so a lower bound of the peak; ½ for a GHZ "
                f"state; like: {kind}; counts {float(item.genuine):.4f} ± {error:.4f}, "
                f"{score:.0f} standard errors above 0",
            )
        )
    errors = cases.error.where(cases.error > 0)
    found.append(
        Quantity(
            "largest |counts − exact| in standard errors",
            float((np.abs(cases.genuine - cases.exact) / errors).max()),
            evidence=f"of the fixed witnesses, over {cases.case.size} cases; {SHOTS} shots in each "
            "of 81 settings",
        )
    )
    if "ranked" in data:
        ranked = data["ranked"]
        for number in (DEVICE_SETTINGS, 6):
            place = list(ranked.number.values).index(number)
            found.append(
                Quantity(
                    f"{' '.join(RANKED)}: violation that {number} settings allow",
                    float(ranked.violation[place]),
                    error=1e-4,
                    evidence=f"all 81 allow {float(ranked.violation[0]):.4f}; they are "
                    f"{ranked.attrs['settings'][place]}",
                )
            )
    for kind in ("raw", "mitigated") if device else ():
        found.append(
            Quantity(
                f"{DEVICE}, {' '.join(RANKED)}: {kind} violation",
                device[kind],
                error=device[f"{kind}_error"],
                evidence=f"exact {device['exact']:.4f}, of the split circuit {device['split']:.4f};"
                f" {device['two_qubit_gates']:.0f} two-qubit gates, {DEVICE_SETTINGS} settings, "
                f"{device['processor_seconds']:.0f} processor seconds; "
                f"{device[kind] / device[f'{kind}_error']:.0f} standard errors above 0; our goal "
                "is 3",
            )
        )
    for name, share in noise.items():
        found.append(
            Quantity(
                f"{name}: white noise at which nothing is found",
                share,
                published=PUBLISHED_NOISE[name][1],
                error=1e-3,
                verdict="agrees" if abs(share - PUBLISHED_NOISE[name][1]) < 2e-3 else "differs",
                evidence="extrapolated from two shares below; Jungnitsch et al. (2011), Table I",
            )
        )
    return tuple(found)


def draw(result: Result) -> Figure:
    """Draw every case with its counts, and what few settings and a device show."""
    cases, device = result.data["cases"], result.parameters["on_device"]
    figure, axes = make_figure(1, 2, width=TWO_COLUMNS, height=3.6)
    place = np.arange(cases.case.size)
    axes[0].barh(place, cases.exact, 0.7, color=PALETTE[0], alpha=0.4, label="master equation")
    axes[0].errorbar(
        cases.genuine, place, xerr=2 * cases.error, fmt="o", ms=3, color=PALETTE[1],
        label="counts ± 2σ",
    )  # fmt: skip
    axes[0].set_yticks(place, list(cases.case.values), fontsize=7)
    axes[0].invert_yaxis()
    axes[0].set(xlabel="genuine negativity")
    axes[0].legend(fontsize=7, loc="lower right")
    axes[1].set(xlabel="measurement settings", ylabel="violation of the best witness")
    if "ranked" in result.data:
        ranked = result.data["ranked"]
        axes[1].semilogx(
            ranked.number, ranked.violation, "o-", ms=3, color=PALETTE[0],
            label=f"{' '.join(RANKED)}, exact",
        )  # fmt: skip
        ticks = [1, 3, 6, 13, 24, 45, 81]
        axes[1].set_xticks(ticks, [str(tick) for tick in ticks])
        axes[1].minorticks_off()
        for kind, marker, colour in (("raw", "s", PALETTE[2]), ("mitigated", "o", PALETTE[3])):
            axes[1].errorbar(
                [DEVICE_SETTINGS], [device[kind]], [2 * device[f"{kind}_error"]], fmt=marker, ms=5,
                capsize=2, color=colour, label=f"{DEVICE}, {kind} ± 2σ",
            )  # fmt: skip
        axes[1].legend(fontsize=7, loc="upper left")
        axes[1].set_ylim(-0.01, 0.38)
    letter_panels(axes, ("four memristors", "what few settings show"), loc="left")
    return figure
