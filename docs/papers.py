"""Papers against us: what agrees, what is an erratum with the evidence, and what is inferred."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.numbers import shorten_numbers
from experiments.report import (
    VERDICTS,
    about,
    count_verdicts,
    escape_cell,
    experiments_in,
    folders,
    not_reproduced,
    published_of,
    read_quantities,
)
from experiments.results import Quantity

Found = tuple[str, Quantity]
"""An experiment's name and one quantity of it."""


def write_papers(path: Path) -> None:
    """Write the page from the records of the experiments: no number in it is typed."""
    papers = [folder for folder in folders() if count_verdicts(folder)["agrees"]]
    rows = ["| paper | " + " | ".join(VERDICTS) + " |", "|---" * (len(VERDICTS) + 1) + "|"]
    for paper in papers:
        counts = count_verdicts(paper)
        cells = [f"[{paper}](#{paper})", *(str(counts[verdict]) for verdict in VERDICTS)]
        rows.append(f"| {' | '.join(cells)} |")
    sections = [_section(paper) for paper in papers]
    path.write_text(
        "# Papers against us\n\nWhat we get beside what is printed, paper by paper. An *erratum* "
        "is one only with its evidence: a derivation, the paper's own other equation, or a "
        "computation in two ways. *Inferred* is what rests on a parameter that the paper does not "
        "print. What nobody has published is not listed here; the [gallery](gallery/index.md) has "
        "it.\n\n" + "\n".join([*rows, "", *sections])
    )


def _section(paper: str) -> str:
    found = [(name, item) for name in experiments_in(paper) for item in read_quantities(name)]
    parts = [f"## {paper}\n\n{about(paper)}\n"]
    for verdict, title in (("differs", "Differs"), ("erratum", "Errata"), ("agrees", "Agrees")):
        own = [(name, item) for name, item in found if item.verdict == verdict]
        if own:
            parts += [f"### {title}\n", _table(own)]
    inferred = [(name, item) for name, item in found if item.verdict == "inferred"]
    if inferred:
        parts.append("### Inferred\n")
        parts += _by_evidence(inferred)
    if missing := not_reproduced(paper):
        parts.append("### Not reproduced\n")
        parts += [f"- {figure}: {reason}" for figure, reason in missing.items()]
        parts.append("")
    return "\n".join(parts)


def _table(found: Sequence[Found]) -> str:
    rows = ["| figure | quantity | printed | ours | evidence |", "|---|---|---|---|---|"]
    for name, item in found:
        evidence = shorten_numbers(item.evidence)
        cells = (name, item.name, published_of(item), item.number(), evidence)
        rows.append(f"| {' | '.join(map(escape_cell, cells))} |")
    return "\n".join(rows) + "\n"


def _by_evidence(found: Sequence[Found]) -> list[str]:
    """Return what was inferred, each reason once, with the quantities that rest on it."""
    reasons: dict[str, list[str]] = {}
    for name, item in found:
        reason = item.evidence.partition("inferred: ")[2] or item.evidence
        reasons.setdefault(shorten_numbers(reason), []).append(
            f"{name}, {item.name}: {item.number()}"
        )
    parts = []
    for reason, quantities in reasons.items():
        listed = "; ".join(quantities)
        parts.append(f"- **{escape_cell(reason)}.** {escape_cell(listed)}.\n")
    return parts
