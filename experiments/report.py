"""Turn the summaries of all experiments into experiments/README.md and the tables behind it."""

from __future__ import annotations

import importlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from experiments.numbers import shorten_numbers
from experiments.registry import caption_of, experiment_names, title_of
from experiments.results import Quantity
from qmemcircuit.common.storage import write_atomically

HERE = Path(__file__).parent
GALLERY = HERE / "gallery"
TABLES = HERE / "tables"
PAPERS = ("guo2022", "potter2024", "driven2026", "gonzalezraya2020", "brand2025")
VERDICTS = ("differs", "erratum", "agrees", "inferred", "new")
"""In the order in which a reader wants to know of them."""

SHOWN = 3
"""Numbers shown beside a figure; the table behind has all."""

LEGEND = """**agrees** with the published value; **erratum**: the paper is wrong, and the evidence
says why; **inferred**: the paper does not print what is needed, and we say what we inferred;
**new**: nobody has published it; **differs**: it does not agree, and we do not know why."""

HEADER = f"""# Experiments

Every figure with what to see in it, the command that makes it, and the {SHOWN} numbers that matter
most; the table behind each has all numbers with their evidence. `python -m experiments run NAME`
saves the figures (PNG, PDF), the data and `summary.json` below `results/NAME/`;
`python -m experiments draw NAME` redraws from these files alone. This page is written by
`python -m experiments report` from the summaries of the runs: no number in it is typed.

Verdicts: {LEGEND}

A number has three digits, or those of its error (one standard error or the numerical uncertainty).
"""


def collect_summaries(out: Path) -> list[Path]:
    """Copy the summary and the PNG figures of every run below `out` into the gallery."""
    copied = []
    for summary in sorted(out.glob("*/summary.json")):
        name = summary.parent.name
        if name not in experiment_names():
            continue
        copied.append(write_atomically(GALLERY / f"{name}.json", summary.read_bytes()))
        for picture in sorted(summary.parent.glob("*.png")):
            copied.append(Path(shutil.copy(picture, GALLERY / picture.name)))
    return copied


def write_report(out: Path) -> list[Path]:
    """Collect the summaries below `out`, write the page and its tables; return what was written."""
    written = collect_summaries(out)
    for path, text in render_report().items():
        written.append(write_atomically(path, text.encode()))
    return written


def render_report() -> dict[Path, str]:
    """Return the page and the table of each folder of experiments, for what the gallery holds."""
    pages = {HERE / "README.md": "\n".join([HEADER, _overview(), *map(_section, folders())])}
    return pages | {TABLES / f"{folder}.md": _full_table(folder) for folder in folders()}


def folders() -> list[str]:
    """Return the folders of experiments: the papers in their order, then our own."""
    found = {name.split(".")[0] for name in experiment_names()}
    return sorted(found, key=lambda f: (PAPERS.index(f) if f in PAPERS else len(PAPERS), f))


def experiments_in(folder: str) -> list[str]:
    """Return the experiments of one folder."""
    return [name for name in experiment_names() if name.startswith(f"{folder}.")]


def about(folder: str) -> str:
    """Return what the folder says of itself: the paper, and what holds for all of its figures."""
    return (importlib.import_module(f"experiments.{folder}").__doc__ or "").strip()


def not_reproduced(folder: str) -> Mapping[str, str]:
    """Return the figures that are not there, with the reason."""
    found: Mapping[str, str] = getattr(
        importlib.import_module(f"experiments.{folder}"), "NOT_REPRODUCED", {}
    )
    return found


def read_quantities(name: str) -> tuple[Quantity, ...]:
    """Return what the experiment found when it last ran; nothing where it did not."""
    path = GALLERY / f"{name}.json"
    if not path.is_file():
        return ()
    return tuple(Quantity(**item) for item in json.loads(path.read_text())["quantities"])


def seconds_of(name: str) -> float:
    """Return how long the run took that the gallery shows."""
    return float(json.loads((GALLERY / f"{name}.json").read_text())["provenance"]["seconds"])


def pictures_of(name: str) -> list[Path]:
    """Return the experiment's figures, its main one first."""
    return sorted(GALLERY.glob(f"{name}.png")) + sorted(GALLERY.glob(f"{name}.*.png"))


def choose_headlines(quantities: Iterable[Quantity]) -> list[Quantity]:
    """Return the numbers that matter most: the first of each verdict, then the first of all."""
    quantities = list(quantities)
    firsts = [next((q for q in quantities if q.verdict == verdict), None) for verdict in VERDICTS]
    judged = [quantity for quantity in firsts[:-1] if quantity is not None]
    rest = [quantity for quantity in quantities if quantity not in judged]
    return [*judged, *rest][:SHOWN]


def render_table(quantities: Iterable[Quantity]) -> str:
    """Return quantities as a Markdown table."""
    rows = ["| quantity | published | ours | verdict | evidence |", "|---|---|---|---|---|"]
    for item in quantities:
        evidence = shorten_numbers(item.evidence)
        cells = (item.name, published_of(item), item.number(), item.verdict, evidence)
        rows.append("| " + " | ".join(map(escape_cell, cells)) + " |")
    return "\n".join(rows) + "\n"


def published_of(quantity: Quantity) -> str:
    """Return what the paper says, and where."""
    if quantity.published is None:
        return "—"
    source = f" ({quantity.source})" if quantity.source else ""
    return f"{quantity.published}{source}"


def escape_cell(text: str) -> str:
    """Return text that a cell of a Markdown table can hold."""
    for mark in "|<*":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")


def count_verdicts(folder: str) -> Counter[str]:
    """Return how many quantities of a folder have each verdict."""
    return Counter(q.verdict for name in experiments_in(folder) for q in read_quantities(name))


def render_counts(names: Iterable[str]) -> str:
    """Return the verdicts of folders, one row each."""
    head = ["folder", "figures", *VERDICTS]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for folder in names:
        counts = count_verdicts(folder)
        cells = [f"[{folder}](#{folder})", str(len(experiments_in(folder)))]
        cells += [str(counts[verdict]) for verdict in VERDICTS]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _overview() -> str:
    return render_counts(folders())


def _section(folder: str) -> str:
    parts = [f"\n## {folder}\n\n{about(folder)}\n"]
    parts += [_figure(name) for name in experiments_in(folder)]
    if missing := not_reproduced(folder):
        parts.append("Not reproduced:\n")
        parts += [f"- {figure}: {reason}" for figure, reason in missing.items()]
    return "\n".join(parts)


def _figure(name: str) -> str:
    """Return one figure: what to see, its pictures, command, and the numbers that matter."""
    parts = [f"### {name}\n\n{title_of(name)}. {caption_of(name)}".rstrip() + "\n"]
    parts += [f"![{title_of(name)}](gallery/{path.name})" for path in pictures_of(name)]
    quantities = read_quantities(name)
    if not quantities:
        return "\n".join([*parts, f"\nNot run yet: `python -m experiments run {name}`\n"])
    parts.append("")
    for item in choose_headlines(quantities):
        beside = "" if item.published is None else f" (published: {published_of(item)})"
        name_and_number = f"{_escaped(item.name)}: **{_escaped(item.number())}**"
        parts.append(f"- {name_and_number}, {item.verdict}{_escaped(beside)}")
    folder = name.split(".")[0]
    where = f"tables/{folder}.md#{name.replace('.', '')}"
    parts.append(
        f"\n`python -m experiments run {name}` ({seconds_of(name):.0f} s); "
        f"[all {len(quantities)} numbers]({where})\n"
    )
    return "\n".join(parts)


def _full_table(folder: str) -> str:
    parts = [
        f"# {folder}: all numbers\n\n{about(folder)}\n\nWritten by `python -m experiments report`; "
        f"the figures are in [the page of all experiments](../README.md#{folder}). {LEGEND}\n"
    ]
    for name in experiments_in(folder):
        parts.append(f"## {name}\n\n{title_of(name)}.\n\n{render_table(read_quantities(name))}")
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*")
