"""How circuits are built: the options of `build_circuits`, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from qmemcircuit.circuits.collision import CollisionForm
from qmemcircuit.circuits.constant_depth import ConstantDepth
from qmemcircuit.circuits.settings import default_bases, parse_bases
from qmemcircuit.circuits.splitting import Splitting, fused_pairs
from qmemcircuit.common.arguments import check_arguments, check_fields
from qmemcircuit.common.checks import check_choice, check_integer
from qmemcircuit.common.data_objects import data_object
from qmemcircuit.model.memristors import Network

MOST_STEPS = 10**6
"""Of one circuit: a record of a stranger that claims more is refused before it is built."""


@data_object
@dataclass(frozen=True)
class AncillaPool:
    """How many ancillas each memristor has; `size=None` is one for every collision.

    `resets` is how often one is reset before it is used again: twice, where a device's single
    reset often fails.

    >>> import qmemcircuit as qm
    >>> (
    ...     qm.AncillaPool(None).size,
    ...     qm.pool(2) == qm.AncillaPool(2),
    ... )
    (None, True)
    """

    size: int | None
    resets: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        if self.size is not None:
            check_integer("size", self.size, minimum=1)
        resets = check_integer("resets", self.resets, minimum=1)
        if resets > MOST_REPEATS:
            raise ValueError(
                f"Argument resets must be at most {MOST_REPEATS}, but {resets} was given: each "
                "takes about a microsecond, in which memristors decohere."
            )

    def describe(self) -> str:
        """Return the choice as a word for the provenance."""
        if self.size is None:
            return "fresh"
        if self.resets > 1:
            return f"pool({self.size}, resets={self.resets})"
        return "reset" if self.size == 1 else f"pool({self.size})"


MOST_REPEATS = 10
"""Resets of an ancilla before it is used again."""


def pool(size: int, *, resets: int = 1) -> AncillaPool:
    """Return a pool of `size` ancillas a memristor, used in turn and reset before reuse.

    `resets` is how many resets one after the other stand for one.

    >>> import qmemcircuit as qm
    >>> memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8, b=0.6)
    >>> circuits = qm.build_circuits(memristor, [0.3], ancilla=qm.pool(2), steps=4)
    >>> circuits[0].num_qubits  # the memristor and two ancillas, used in turn
    3
    """
    check_arguments(pool, locals())
    return AncillaPool(check_integer("size", size, minimum=1), resets)


Ancilla = Literal["fresh", "reset", "merged"] | AncillaPool
"""`fresh`: one per collision (the paper); `reset`: one per memristor, recycled; `pool(k)`: k per
memristor, recycled in turn; `merged`: one, with [0, t] as a single exact collision. Where that is
not enough (warm, dephased or driven memristors), [0, t] is the mean of two circuits with two
two-qubit gates for each of them (`CircuitSet.branches`): shot-wise mixing, no ancilla is measured.
"""


AnySplitting = Splitting | ConstantDepth
"""A splitting by its name; `ConstantDepth(…)` is "compiled" with options."""


@data_object
@dataclass(frozen=True)
class CircuitOptions:
    """How circuits are built from a model and times; `build_circuits` says what each does.

    Attributes:
        bases: the measurement settings, or None for what the estimates need.
        ancilla: which ancillas collisions use; `"best"` is left to a device's calibration, and
            chosen before circuits are built (`resolve_ancilla`).
        splitting: how collisions and couplings alternate; a `ConstantDepth` becomes `"compiled"`
            and `constant_depth`.
        steps: equal steps of each circuit, or None for those that the times bound.
        collision: the gates of a collision.
        constant_depth: how `"compiled"` is done; None for other splittings.
        channel: whether all of [0, t] is one synthesised channel of each memristor: `for_network`
            sets it where `"merged"` meets memristors for which one collision is not enough.

    Raises:
        ValueError, TypeError: where an option is unknown, or two exclude each other.
    """

    bases: str | Sequence[str | Sequence[str]] | None = None
    ancilla: Ancilla | Literal["best"] = "reset"
    splitting: AnySplitting = "lie"
    steps: int | None = None
    collision: CollisionForm = "compact"
    constant_depth: ConstantDepth | None = None
    channel: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.splitting, ConstantDepth):
            object.__setattr__(self, "constant_depth", self.splitting)
            object.__setattr__(self, "splitting", "compiled")
        elif self.splitting != "compiled":
            object.__setattr__(self, "constant_depth", None)
        elif self.constant_depth is None:
            object.__setattr__(self, "constant_depth", ConstantDepth())
        check_choice("splitting", self.splitting, get_args(Splitting))
        check_choice("collision", self.collision, get_args(CollisionForm))
        if self.steps is not None:
            steps = check_integer("steps", self.steps, minimum=1)
            if steps > MOST_STEPS:
                raise ValueError(
                    f"Argument steps must be at most {MOST_STEPS:,}, but {steps:,} was given; the "
                    "splitting error falls as 1/steps or faster, so fewer will do."
                )
            object.__setattr__(self, "steps", steps)
            if self.splitting == "compiled":
                raise ValueError(
                    f"Argument steps must be None for splitting='compiled', but {self.steps} was "
                    "given: each circuit covers its whole [0, t] at once."
                )
        word = self.ancilla if isinstance(self.ancilla, str) else ""
        if not isinstance(self.ancilla, AncillaPool) and word != "best":
            _pool_of(self.ancilla)
        if self.ancilla == "merged" and self.steps not in (None, 1):
            raise ValueError(
                f"Argument steps must be None for ancilla='merged', but {self.steps} was given: "
                "all of [0, t] is one collision."
            )

    def for_network(self, network: Network) -> CircuitOptions:
        """Return the options with this network's settings and pool of ancillas filled in.

        Raises:
            ValueError: where the network has no such circuits.
        """
        wanted = default_bases(network) if self.bases is None else self.bases
        settings = parse_bases(wanted, len(network.memristors))
        if self.ancilla == "merged" and network.couplings:
            raise ValueError(
                "Argument ancilla must not be 'merged' for coupled memristors, but this network "
                f"has {len(network.couplings)} couplings: damping and couplings do not commute."
            )
        if self.splitting == "fused":
            fused_pairs(network)
        channel = self.channel
        if self.ancilla == "merged" and not all(
            item.is_cold and item.drive is None for item in network.memristors
        ):
            channel = True
        steps = 1 if self.ancilla == "merged" else self.steps
        return replace(self, bases=settings, ancilla=self.pool, steps=steps, channel=channel)

    @property
    def name(self) -> Splitting:
        """The splitting's name."""
        assert not isinstance(self.splitting, ConstantDepth)
        return self.splitting

    @property
    def pool(self) -> AncillaPool:
        """How many ancillas each memristor has; ValueError for `"best"`, which is yet to choose."""
        return self.ancilla if isinstance(self.ancilla, AncillaPool) else _pool_of(self.ancilla)

    @property
    def settings(self) -> tuple[str, ...]:
        """The measurement settings, once `for_network` has filled them in."""
        assert isinstance(self.bases, tuple)
        return self.bases

    def describe(self) -> dict[str, Any]:
        """Return all but the settings, which stand with the counts, as JSON values."""
        ancilla = self.ancilla
        return {
            "ancilla": ancilla.describe() if isinstance(ancilla, AncillaPool) else ancilla,
            "splitting": self.splitting,
            "steps": self.steps,
            "collision": self.collision,
            **({"channel": True} if self.channel else {}),
            **({} if self.constant_depth is None else self.constant_depth.describe()),
        }

    @classmethod
    def restore(
        cls, described: Mapping[str, Any], bases: Sequence[str] | None = None
    ) -> CircuitOptions:
        """Return the options of a description; what it leaves out has its default."""
        return cls(
            None if bases is None else list(bases),
            parse_ancilla(str(described.get("ancilla", "reset"))),
            described.get("splitting", "lie"),
            described.get("steps"),
            described.get("collision", "compact"),
            ConstantDepth.restore(described),
            bool(described.get("channel", False)),
        )


def parse_ancilla(word: str) -> Ancilla | Literal["best"]:
    """Return the ancillas that a word stands for in a file: `"pool(2)"` is a pool of two."""
    if not word.startswith("pool"):
        return word  # type: ignore[return-value]  # CircuitOptions refuses unknown words
    size, _, resets = word.removeprefix("pool(").removesuffix(")").partition(", resets=")
    repeats = f", resets={resets}" if resets else ""
    known = size.isdecimal() and (not resets or resets.isdecimal())
    if word != f"pool({size}{repeats})" or not known:
        raise ValueError(
            f"Argument ancilla must be 'fresh', 'reset', 'merged' or pool(k) with an integer k, "
            f"but {word!r} was given; 'pool(2)' is two ancillas a memristor."
        )
    return pool(int(size), resets=int(resets or 1))


POOLS = {"fresh": AncillaPool(None), "reset": AncillaPool(1), "merged": AncillaPool(1)}


def _pool_of(word: object) -> AncillaPool:
    if not isinstance(word, str) or word not in POOLS:
        raise ValueError(
            "Argument ancilla must be 'fresh', 'reset', 'merged' or pool(k), but "
            f"{word!r} was given."
        )
    return POOLS[word]
