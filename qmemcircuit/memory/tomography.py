"""Process tomography of one memristor: four states go in, three settings are measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qmemcircuit.circuits.build import build_circuits
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import FloatArray, check_boolean, check_integer, check_times
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.counts.means import combine_paulis
from qmemcircuit.memory.witnesses import maps_of
from qmemcircuit.model.memristors import Memristor, Model, Network
from qmemcircuit.results.records import Record
from qmemcircuit.simulation.maps import digital_maps

INPUTS: FloatArray = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [1, 1, 0, 0], [1, 0, 1, 0]], float)
"""Means of (1, X, Y, Z) of the four states that go in: |0>, |1>, |+>, |+i>."""
FROM_INPUTS = np.linalg.inv(INPUTS.T)


def memristor_maps(memristor: Memristor, times: ArrayLike) -> FloatArray:
    """Return the maps from 0 to each time on (1, X, Y, Z), (T, 4, 4), of its merged circuits.

    Raises:
        ValueError: that names the first time at which the map is not physical.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> memory.memristor_maps(memristor, [0.5, 1.0]).shape
    (2, 4, 4)
    """
    check_arguments(memristor_maps, locals())
    circuits = build_circuits(memristor, check_times(times), ancilla="merged")
    # Where one collision is not enough, the channel is the mean of two circuits.
    branches = [digital_maps(branch) for branch in circuits.branches]
    return np.asarray(np.mean(branches, axis=0))


@data_object
@dataclass(frozen=True, eq=False)
class ProcessRecord:
    """What process tomography of one memristor measured.

    Attributes:
        times: (T,).
        means: <X>, <Y>, <Z> for each of the four inputs |0>, |1>, |+>, |+i>: (T, 4, 3).
        errors: one standard error of each, (T, 4, 3).

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.5), a=0.8, b=0.6)
    >>> maps = memory.memristor_maps(memristor, [1.0, 2.0])
    >>> memory.draw_process(maps, [1.0, 2.0], shots=100, seed=1).means.shape
    (2, 4, 3)
    """

    times: FloatArray
    means: FloatArray
    errors: FloatArray

    def __post_init__(self) -> None:
        check_fields(self)
        size = np.size(self.times)
        for name in ("means", "errors"):
            if np.shape(getattr(self, name)) != (size, 4, 3):
                raise ValueError(
                    f"Argument {name} must have shape ({size}, 4, 3), but "
                    f"{np.shape(getattr(self, name))} was given."
                )
        check_times(self.times, minimum_length=2)

    def maps(self) -> FloatArray:
        """Return the measured maps on (1, X, Y, Z), (T, 4, 4), as they come: perhaps unphysical."""
        outputs = np.concatenate([np.ones((*self.means.shape[:2], 1)), self.means], axis=2)
        return np.asarray(outputs.transpose(0, 2, 1) @ FROM_INPUTS)


def prepared_inputs(model: Model, *, memristor: int = 0) -> tuple[Network, ...]:
    """Return the model with one memristor in |0>, |1>, |+> and |+i>: what a tomography runs.

    `run` each with the same times, options and target, in settings such as ["XX", "YY", "ZZ"].

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> len(memory.prepared_inputs(memristor))  # |0>, |1>, |+>, |+i>
    4
    """
    check_arguments(prepared_inputs, locals())
    network = model if isinstance(model, Network) else Network([model])
    place = check_integer("memristor", memristor, minimum=0)
    if place >= len(network.memristors) or network.state is not None:
        raise ValueError(
            f"Argument memristor must be one of {len(network.memristors)}, without a joint state, "
            f"but {place} was given."
        )
    found = []
    for _, x, y, z in INPUTS:
        state = 0.5 * np.array([[1 + z, x - 1j * y], [x + 1j * y, 1 - z]])
        members = list(network.memristors)
        given = tuple(tuple(complex(value) for value in row) for row in state)
        members[place] = replace(members[place], a=None, b=0.0, state=given)
        found.append(Network(members, network.couplings))
    return tuple(found)


def process_record(
    records: Sequence[Record], *, memristor: int = 0, mitigated: bool = False
) -> ProcessRecord:
    """Return the tomography of one memristor from the records of its four inputs.

    Args:
        records: of the models that `prepared_inputs` returned, in their order, each with settings
            that measure the memristor's X, Y and Z.
        memristor: which one.
        mitigated: combine the counts as the declared mitigation does; its calibration's error,
            which all means share, is in each error, its correlation is not.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> records = [
    ...     qm.run(
    ...         given, [0.5, 1.0], target=qm.aer(seed=1), shots=50, bases="XYZ", ancilla="merged"
    ...     )
    ...     for given in memory.prepared_inputs(memristor)
    ... ]
    >>> memory.process_record(records).means.shape
    (2, 4, 3)
    """
    check_arguments(process_record, locals())
    check_boolean("mitigated", mitigated)
    if len(records) != 4:
        raise ValueError(f"Argument records must be four, but {len(records)} were given.")
    times = records[0].times
    means, errors = np.empty((times.size, 4, 3)), np.empty((times.size, 4, 3))
    for place, record in enumerate(records):
        if not np.array_equal(record.times, times):
            raise ValueError("Argument records must have the same times, but they differ.")
        count = len(record.network.memristors)
        if memristor >= count or memristor < 0:
            raise ValueError(f"Argument memristor must be below {count}, but it is {memristor}.")
        for axis, letter in enumerate("XYZ"):
            label = "I" * memristor + letter + "I" * (count - memristor - 1)
            if mitigated and record.mitigated is None:
                raise ValueError(
                    "Argument records must hold a mitigation to be combined, but none was declared."
                )
            combine = (
                record.mitigated.combine
                if mitigated and record.mitigated is not None
                else lambda terms, data=record.samples: combine_paulis(data, terms)
            )
            means[:, place, axis], errors[:, place, axis] = combine({label: 1.0})
    return ProcessRecord(times, means, errors)


def draw_process(maps: ArrayLike, times: ArrayLike, *, shots: int, seed: int) -> ProcessRecord:
    """Return a tomography drawn from exact maps, with so many shots in each of 12 settings.

    >>> import qmemcircuit as qm
    >>> from qmemcircuit import memory
    >>> memristor = qm.Memristor(qm.LorentzianRate(1.0, 0.5), a=0.8, b=0.6)
    >>> maps = memory.memristor_maps(memristor, [1.0, 2.0])
    >>> memory.draw_process(maps, [1.0, 2.0], shots=100, seed=1).errors.shape
    (2, 4, 3)
    """
    check_arguments(draw_process, locals())
    instants = check_times(times, minimum_length=2)
    checked = maps_of(maps, instants)
    count = check_integer("shots", shots, minimum=2)
    outputs = (checked @ INPUTS.T).transpose(0, 2, 1)[:, :, 1:]
    chances = np.clip(0.5 * (1 - outputs), 0, 1)
    ones = np.random.default_rng(check_integer("seed", seed, minimum=0)).binomial(count, chances)
    # Half a shot on each side: an outcome never seen is no certainty.
    posterior = (ones + 0.5) / (count + 1)
    errors = 2 * np.sqrt(posterior * (1 - posterior) / count)
    return ProcessRecord(instants, 1 - 2 * ones / count, errors)
