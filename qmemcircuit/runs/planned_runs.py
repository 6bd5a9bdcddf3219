"""Which circuits run with how many shots: noise factors, settings, resets undone, calibrations.

Shots that differ from setting to setting make several runs of one role, each of the settings that
share a number: a job has one number of shots for all of its circuits. Their counts are put together
again afterwards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmemcircuit.circuits.build import CircuitSet, build_circuits
from qmemcircuit.circuits.protocols import Target
from qmemcircuit.common.checks import FloatArray, IntArray, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.allocation import predicted_shares
from qmemcircuit.counts.mitigation import Mitigation
from qmemcircuit.counts.resets import inversion_weights
from qmemcircuit.counts.witnesses import FEWEST_SHOTS
from qmemcircuit.devices.excess import predicted_excess
from qmemcircuit.devices.noise.calibrated import readout_matrices
from qmemcircuit.devices.resets import flipped_resets, reset_errors
from qmemcircuit.devices.target import DeviceTarget, scheduled_device
from qmemcircuit.model.laws.rates import ConstantRate
from qmemcircuit.model.memristors import Memristor, Network

FIRST_STREAM = 1_000_000
"""Random streams of the two calibration circuits, beyond those of any noise factor."""

BRANCH_STREAM = 500_000
"""Random streams of later branches begin here, also beyond those of any noise factor."""

BRANCH_STRIDE = 1000
"""From the streams of one branch to those of the next: more than noise factors."""

SHARED_STREAM = 2_000_000
"""And those of further settings with shots of their own, and of resets with an X after them."""

MOST_MTHREE = 12
"""Memristors whose outcomes mthree is given: each mean takes weights of all 2^M of them."""

BRANCH = re.compile(r", (second half|branch \d+)$")
"""The role of a run ends so where its counts are added to those of the run before it.

Submissions of up to November 2026 call the second of two a second half.
"""


@data_object
@dataclass(frozen=True, eq=False)
class PlannedRun:
    """One set of circuits, and where it runs.

    Attributes:
        role: `"factor 1"`, `"factor 3"`, …, `"factor 1, X after resets 0 and 1"`, or
            `"readout 0"`, `"readout 1"`; where circuits come in several branches, each is followed
            by its other branches, `", branch 2"`, …. Runs of one role have different settings.
        circuits: what is measured.
        target: with its qubits chosen.
        shots: of each circuit.
    """

    role: str
    circuits: CircuitSet
    target: Target
    shots: int

    @property
    def noise_factor(self) -> int | None:
        """How often two-qubit gates stand where one would do; None of the readout's calibration."""
        factor = self.role.split(",")[0].removeprefix("factor ")
        return int(factor) if factor.isdecimal() else None


@data_object
@dataclass(frozen=True, eq=False)
class Forecast:
    """What a mitigation takes from the calibrated model before anything runs.

    Attributes:
        excess: of the shaped extrapolation, (N, F, T, B, 2^M), or None.
        shares: of the shots, (F, B), summing to 1; None for equal ones.
    """

    excess: FloatArray | None = None
    shares: FloatArray | None = None


NO_FORECAST = Forecast()
"""Of a measurement that needs no model."""


def forecast(circuits: CircuitSet, placed: Target, mitigation: Mitigation | None) -> Forecast:
    """Return what the mitigation's declaration wants predicted; nothing where it wants nothing.

    Raises:
        ValueError: for a target without a calibration, and for a declared exchange symmetry that
            the model does not have.
    """
    if mitigation is None:
        return NO_FORECAST
    memristors = len(circuits.network.memristors)
    if mitigation.readout and mitigation.inversion == "mthree" and memristors > MOST_MTHREE:
        raise ValueError(
            f"Argument inversion must be 'tensored' for {memristors} memristors, but 'mthree' was "
            f"given, which weighs all 2^{memristors} outcomes; 'tensored' undoes the flips of each "
            "memristor's own counts."
        )
    if mitigation.exchange:
        require_symmetry(circuits.network)
    if not (mitigation.predicts or mitigation.allocation == "predicted"):
        return NO_FORECAST
    asking = f"extrapolation={mitigation.extrapolation!r}"
    if not mitigation.predicts:
        asking = f"allocation={mitigation.allocation!r}"
    device = scheduled_device(placed, asking)
    excess = predicted_excess(circuits, device, mitigation) if mitigation.predicts else None
    if mitigation.allocation == "equal":
        return Forecast(excess)
    shares = _shares(circuits, device, mitigation, excess)
    return Forecast(excess, shares)


def _shares(
    circuits: CircuitSet, device: DeviceTarget, mitigation: Mitigation, excess: FloatArray | None
) -> FloatArray:
    memristors = len(circuits.network.memristors)
    placed = device.place(circuits.branches[0])
    matrices = readout_matrices(placed.restricted())[:memristors]
    flips = np.array([[matrix[1, 0], matrix[0, 1]] for matrix in matrices])
    chances = np.mean([placed.probabilities(branch) for branch in circuits.branches], axis=0)
    own = None if excess is None else excess[0]
    return predicted_shares(chances, circuits.bases, mitigation, flips=flips, excess=own)


def require_symmetry(network: Network) -> None:
    """Raise ValueError unless exchanging the two memristors of a pair leaves the model as it is."""
    state = network.initial_state
    alike = len(network.memristors) == 2 and network.memristors[0] == network.memristors[1]
    if alike:
        swap = np.eye(4)[[0, 2, 1, 3]]
        alike = bool(np.allclose(swap @ state @ swap, state, atol=1e-12))
        total = sum(
            (
                item.hamiltonian() if pair == (0, 1) else swap @ item.hamiltonian() @ swap
                for pair, item in network.couplings
            ),
            np.zeros((4, 4), dtype=complex),
        )
        alike = alike and bool(np.allclose(swap @ total @ swap, total, atol=1e-12))
    if not alike:
        raise ValueError(
            "Argument exchange must be False where the model changes when two memristors are "
            "exchanged, but it is True: they, their coupling or their initial state differ."
        )


def plan_runs(
    circuits: CircuitSet,
    placed: Target,
    mitigation: Mitigation | None,
    shots: int,
    shares: FloatArray | None = None,
) -> tuple[PlannedRun, ...]:
    """Return all runs, the model's circuits first."""
    if mitigation is None:
        return tuple(_branches("factor 1", circuits, placed, 0, shots))
    flips = flipped_resets(circuits, mitigation)
    table = allocated_shots(circuits, mitigation, shots, shares)
    runs: list[PlannedRun] = []
    for number, factor in enumerate(mitigation.factors):
        amplified = placed
        if factor > 1:
            amplified = placed.amplify(factor, fold_all=mitigation.fold_all)
        for variant, flipped in enumerate(flips):
            role = f"factor {factor}"
            if flipped:
                role += f", X after resets {' and '.join(map(str, flipped))}"
            own = circuits.with_flips(flipped) if flipped else circuits
            each = table[number, variant]
            for group, value in enumerate(np.unique(each)):
                chosen = [own.bases[place] for place in np.flatnonzero(each == value)]
                part = own if len(chosen) == len(own.bases) else own.with_bases(chosen)
                stream = number
                if variant or group:
                    stream += SHARED_STREAM + 100 * (1000 * variant + group)
                runs += _branches(role, part, amplified, stream, int(value))
    if mitigation.readout:
        for place, calibration in enumerate(readout_circuits(len(circuits.network.memristors))):
            own_target = placed.independent(FIRST_STREAM + place)
            runs.append(PlannedRun(f"readout {place}", calibration, own_target, shots))
    return tuple(runs)


def allocated_shots(
    circuits: CircuitSet, mitigation: Mitigation, shots: int, shares: FloatArray | None = None
) -> IntArray:
    """Return the shots of each factor, variant and setting, (F, V, B).

    Their sum is that of `shots` at each factor and setting, but for rounding to three digits (jobs
    have one number of shots for all their circuits) and for at least 50 where they are shared.

    Raises:
        ValueError: where the share of a setting at some factor is below one shot.
    """
    factors, settings = len(mitigation.factors), len(circuits.bases)
    variants = len(flipped_resets(circuits, mitigation))
    if shares is None and variants == 1:
        return np.full((factors, 1, settings), shots)
    weights = np.ones(1)
    if variants > 1:
        weights = np.abs(inversion_weights(reset_errors(circuits, mitigation)))
    if shares is None:
        shares = np.full((factors, settings), 1 / (factors * settings))
    least = float(np.min(shares)) * factors * settings
    if shots * least < 1:
        raise ValueError(
            "Argument shots must leave at least one for each setting at each noise factor, but of "
            f"{shots} as they are shared one setting would get {shots * least:.2g}; give "
            f"{math.ceil(1 / least)} or more, or allocation='equal'."
        )
    wanted = shots * factors * settings * shares[:, None, :] * (weights / weights.sum())[:, None]
    rounded = [float(f"{number:.2e}") for number in wanted.ravel()]
    fewest = min(FEWEST_SHOTS, shots)
    found = np.maximum(np.round(rounded), fewest).astype(np.int64)
    return np.asarray(found.reshape(wanted.shape))


def _branches(
    role: str, circuits: CircuitSet, target: Target, stream: int, shots: int
) -> list[PlannedRun]:
    """Return the runs of one role, with shots of their own."""
    first, *later = circuits.branches
    runs = [PlannedRun(role, first, target.independent(stream) if stream else target, shots)]
    for place, branch in enumerate(later):
        own = target.independent(BRANCH_STREAM + BRANCH_STRIDE * place + stream)
        runs.append(PlannedRun(f"{role}, branch {place + 2}", branch, own, shots))
    return runs


def describe_run(run: PlannedRun, bases: Sequence[str]) -> dict[str, Any]:
    """Return role, shape and, where these are not all of `bases`, settings, as JSON values."""
    own = run.circuits.bases
    found: dict[str, Any] = {"role": run.role, "shape": [len(run.circuits.times), len(own)]}
    if run.role.startswith("factor") and len(own) != len(bases):
        found["settings"] = [bases.index(basis) for basis in own]
    return found


def join_settings(
    described: Sequence[Mapping[str, Any]], counts: Sequence[IntArray], settings: int
) -> tuple[list[str], list[IntArray]]:
    """Return roles and counts (T, B, 2^M), runs of one role put together.

    Args:
        described: of `describe_run`, run by run.
        counts: of each run, (T, its settings, 2^M).
        settings: their number B.
    """
    tables: dict[str, IntArray] = {}
    for run, table in zip(described, counts, strict=True):
        role, places = str(run["role"]), run.get("settings")
        if places is None:
            tables[role] = table
            continue
        shape = (table.shape[0], settings, table.shape[2])
        tables.setdefault(role, np.zeros(shape, dtype=np.int64))[:, places] = table
    # Later branches stand after their first, whichever settings came first.
    firsts = [role for role in tables if BRANCH.search(role) is None]
    ordered = [role for first in firsts for role in tables if BRANCH.sub("", role) == first]
    return ordered, [tables[role] for role in ordered]


def readout_circuits(memristors: int) -> tuple[CircuitSet, CircuitSet]:
    """Return the two calibration circuits: all memristors in |0>, and all in |1>."""
    count = check_integer("memristors", memristors, minimum=1)
    zeros, ones = (
        build_circuits(Network([Memristor(ConstantRate(0.0), a=angle)] * count), [0.0], bases="Z")
        for angle in (np.pi / 2, 0.0)
    )
    return zeros, ones
