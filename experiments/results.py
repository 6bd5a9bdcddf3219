"""What an experiment returns, and how it is written to and read from a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from experiments.numbers import format_number
from qmemcircuit.common.provenance import make_provenance
from qmemcircuit.common.storage import write_atomically

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from qmemcircuit.counts.estimates import Estimate
    from qmemcircuit.results.trajectory import Trajectory

    Data = xarray.Dataset | Trajectory

Item = TypeVar("Item")

Verdict = Literal["agrees", "erratum", "differs", "inferred", "new"]


@dataclass(frozen=True)
class Quantity:
    """One number that an experiment measured, beside the published one.

    `verdict` is "agrees" (with the published value, within the errors and the digits printed),
    "erratum" (the paper is wrong; `evidence` says why), "differs" (we do not know why),
    "inferred" (the paper does not print what is needed; `evidence` says what we inferred), or
    "new" (nobody has published it). `error` is one standard error or the numerical uncertainty.
    """

    name: str
    value: float | str
    error: float | None = None
    unit: str = "1"
    published: float | str | None = None
    source: str | None = None
    verdict: Verdict = "new"
    evidence: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.value, str):  # numbers of NumPy and xarray, too
            object.__setattr__(self, "value", float(self.value))
        if self.error is not None:
            object.__setattr__(self, "error", float(self.error))
        if self.verdict in ("erratum", "inferred", "differs") and not self.evidence:
            raise ValueError(f"Quantity {self.name!r} is called {self.verdict} without evidence.")
        if self.verdict in ("agrees", "erratum") and self.published is None:
            raise ValueError(f"Quantity {self.name!r} is called {self.verdict}, but with what?")

    @classmethod
    def against(
        cls,
        name: str,
        value: Any,
        published: float | str,
        *,
        digits: int | None = None,
        holds: bool | None = None,
        **rest: Any,
    ) -> Quantity:
        """Return a quantity judged against the published one: "agrees" or "differs".

        `digits` of a printed number decide (see `judge`), or `holds` for a claim in words.
        """
        if (digits is None) == (holds is None):
            raise ValueError(f"Quantity {name!r} is judged by digits or by holds, by one of them.")
        if digits is not None:
            holds = judge(float(value), float(published), digits=digits) == "agrees"
        verdict: Verdict = "agrees" if holds else "differs"
        if verdict == "differs":
            rest.setdefault("evidence", "by more than its digits or errors allow")
        return cls(name, value, published=published, verdict=verdict, **rest)

    @classmethod
    def inferred(cls, name: str, value: Any, evidence: str, **rest: Any) -> Quantity:
        """Return a quantity that rests on what a paper does not print; `evidence` says what."""
        return cls(name, value, verdict="inferred", evidence=evidence, **rest)

    @classmethod
    def erratum(
        cls, name: str, value: Any, published: float | str, evidence: str, **rest: Any
    ) -> Quantity:
        """Return a quantity that the paper has wrong; `evidence` says why."""
        return cls(name, value, published=published, verdict="erratum", evidence=evidence, **rest)

    @classmethod
    def each(cls, values: Mapping[str, Any], **shared: Any) -> tuple[Quantity, ...]:
        """Return one quantity for each name: its value, or (value, error); the rest is shared."""
        pairs = {
            name: item if isinstance(item, tuple) else (item,) for name, item in values.items()
        }
        return tuple(cls(name, *pair, **shared) for name, pair in pairs.items())

    @classmethod
    def of(
        cls,
        name: str,
        estimate: Estimate[float],
        *,
        possible: tuple[float, float] | None = None,
        evidence: str = "",
        **rest: Any,
    ) -> Quantity:
        """Return a quantity with its error where ± describes it, else with its interval.

        "not resolved" where the interval holds nine tenths of what is `possible`.
        """
        if estimate.interval is None:
            return cls(name, estimate.value, estimate.standard_error, evidence=evidence, **rest)
        (low, high), level = estimate.interval, estimate.level
        at = "" if level is None else f"{100 * level:.3g} % "
        if not estimate.is_lopsided:
            words = f"{at}interval [{low:.3g}, {high:.3g}]"
            evidence = f"{words}; {evidence}" if evidence else words
            return cls(name, estimate.value, estimate.standard_error, evidence=evidence, **rest)
        words = f"{at}interval [{low:.2g}, {high:.2g}]"
        if possible is not None and high - low >= 0.9 * (possible[1] - possible[0]):
            words = f"not resolved, {words}"
        return cls(name, words, evidence=evidence, **rest)

    def number(self) -> str:
        """Return the value with its error and unit, in the digits that mean something."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{format_number(self.value, self.error, published=self.published)}{unit}"

    def line(self) -> str:
        """Return the quantity as one line of text."""
        published = "" if self.published is None else f"; published {self.published}"
        return f"{self.name} = {self.number()}  [{self.verdict}{published}]"


@dataclass(frozen=True)
class Settings:
    """How an experiment is run; what it computes stands in the experiment.

    `quick` asks for a smaller run that shows the same figure; `shots` and `target` are None
    where the experiment's own choice holds. Work of more than some seconds says how far it is, by
    `track` or `stages`; `progress(done, total)` is what they, and `sweep`, report to.
    """

    quick: bool = False
    shots: int | None = None
    seed: int = 1
    target: Any = None
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)

    def shots_or(self, default: int) -> int:
        """Return the shots asked for, or the experiment's own."""
        return default if self.shots is None else self.shots

    def track(self, items: Collection[Item]) -> Iterator[Item]:
        """Yield the items; progress is reported as each is done."""
        for number, item in enumerate(items, start=1):
            yield item
            self.progress(number, len(items))

    def stages(self, total: int) -> Callable[[], None]:
        """Return what is called as each of `total` stages is done."""
        done = iter(range(1, total + 1))
        return lambda: self.progress(next(done), total)


@dataclass(frozen=True)
class Result:
    """Everything that the figure and the table need: data by name, and the quantities."""

    data: Mapping[str, Data]
    quantities: tuple[Quantity, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)


def judge(value: float, published: float, *, digits: int) -> Verdict:
    """Return "agrees" where `value` rounds to what the paper prints, else "differs".

    `digits` is how many digits the paper prints after the point: half a unit of the last one
    decides. (0.5001: the difference of two floats may miss a half by its rounding.)

    >>> judge(7.0233, 7.0, digits=1), judge(7.0283, 7.024, digits=3)
    ('agrees', 'differs')
    """
    return "agrees" if abs(value - published) <= 0.5001 * 10.0**-digits else "differs"


def write_result(
    folder: Path, name: str, result: Result, figures: Mapping[str, Figure], seconds: float
) -> list[Path]:
    """Write data, summary and figures of one experiment below `folder`/`name`; return the paths.

    `figures` maps a suffix to a figure; the empty suffix is the experiment's own figure.
    """
    from qmemcircuit.plotting.figures import save_figure

    place = folder / name
    written = []
    for key, item in result.data.items():
        if hasattr(item, "save"):
            written.append(item.save(place / f"{key}.npz"))
        else:
            written.append(_write_dataset(place / f"{key}.nc", item))
    for suffix, figure in figures.items():
        written += save_figure(figure, place / (f"{name}.{suffix}" if suffix else name))
    summary = {
        "name": name,
        "quantities": [asdict(quantity) for quantity in result.quantities],
        "parameters": dict(result.parameters),
        "provenance": dict(make_provenance("experiments.run", seconds=round(seconds, 1))),
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    written.append(write_atomically(place / "summary.json", text.encode()))
    return written


def read_result(folder: Path, name: str) -> Result:
    """Read back what `write_result` wrote, so that the figure can be redrawn from files alone."""
    import xarray

    from qmemcircuit.results.trajectory import Trajectory

    place = folder / name
    summary = json.loads((place / "summary.json").read_text())
    data: dict[str, Any] = {}
    for path in sorted(place.glob("*.npz")):
        data[path.stem] = Trajectory.load(path)
    for path in sorted(place.glob("*.nc")):
        with xarray.open_dataset(path) as dataset:
            data[path.stem] = dataset.load()
    quantities = tuple(Quantity(**item) for item in summary["quantities"])
    return Result(data, quantities, summary["parameters"])


def _write_dataset(path: Path, dataset: xarray.Dataset) -> Path:
    """Write a dataset as netCDF through a temporary file and a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        dataset.to_netcdf(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
