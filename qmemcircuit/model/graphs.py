"""`chain`, `ring`, `star`: networks with one coupling along the edges of a usual graph."""

from __future__ import annotations

from collections.abc import Sequence

from qmemcircuit.common.arguments import check_arguments
from qmemcircuit.model.couplings import Coupling
from qmemcircuit.model.memristors import Memristor, Network


def chain(memristors: Sequence[Memristor], coupling: Coupling) -> Network:
    """Return memristor j coupled to j + 1; j is the first (the control) of each pair.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.02), a=0.8)
    >>> [pair for pair, _ in chain([memristor] * 3, qm.Native("y", 0.06)).couplings]
    [(0, 1), (1, 2)]
    """
    check_arguments(chain, locals())
    _check_size("chain", memristors, 2)
    return Network(list(memristors), {(j, j + 1): coupling for j in range(len(memristors) - 1)})


def ring(memristors: Sequence[Memristor], coupling: Coupling) -> Network:
    """Return a chain whose last memristor is coupled to memristor 0; at least three memristors.

    >>> import qmemcircuit as qm
    >>> three = qm.ring([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 3, qm.Native("y", 0.06))
    >>> [edge for edge, coupling in three.couplings]
    [(0, 1), (1, 2), (2, 0)]
    """
    check_arguments(ring, locals())
    count = _check_size("ring", memristors, 3)
    return Network(list(memristors), {(j, (j + 1) % count): coupling for j in range(count)})


def star(memristors: Sequence[Memristor], coupling: Coupling) -> Network:
    """Return memristor 0, the centre, coupled to every other one; it is first in each pair.

    >>> import qmemcircuit as qm
    >>> three = qm.star([qm.Memristor(qm.SquidRate(0.02), a=0.8)] * 3, qm.Native("y", 0.06))
    >>> [edge for edge, coupling in three.couplings]
    [(0, 1), (0, 2)]
    """
    check_arguments(star, locals())
    count = _check_size("star", memristors, 2)
    return Network(list(memristors), {(0, j): coupling for j in range(1, count)})


def _check_size(graph: str, memristors: Sequence[Memristor], minimum: int) -> int:
    if len(memristors) < minimum:
        raise ValueError(
            f"Argument memristors must hold at least {minimum} for a {graph}, but "
            f"{len(memristors)} were given."
        )
    return len(memristors)
