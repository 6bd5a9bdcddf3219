"""The gallery: every figure with what to see, its command, and its numbers with their verdicts."""

from __future__ import annotations

import shutil
from pathlib import Path

from experiments.registry import caption_of, title_of
from experiments.report import (
    LEGEND,
    SHOWN,
    about,
    choose_headlines,
    experiments_in,
    folders,
    pictures_of,
    read_quantities,
    render_table,
)


def write_gallery(folder: Path) -> None:
    """Write a page of figures for each paper, and the index with all thumbnails."""
    folder.mkdir(parents=True)
    shown = [f"# Gallery\n\nEvery figure, by paper, then our own. Verdicts: {LEGEND}\n"]
    for paper in folders():
        parts = [f"# {paper}\n\n{about(paper)}\n"]
        parts += [_figure(name, folder) for name in experiments_in(paper)]
        (folder / f"{paper}.md").write_text("\n".join(parts))
        shown.append(_thumbnails(paper))
    listed = "\n".join(folders())
    shown.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n{listed}\n```\n")
    (folder / "index.md").write_text("\n".join(shown))


def _thumbnails(paper: str) -> str:
    parts = [f"## [{paper}]({paper}.md)\n\n{about(paper).partition(chr(10) * 2)[0]}\n"]
    parts.append("::::{grid} 2 3 4 4\n:gutter: 2\n")
    for name in experiments_in(paper):
        parts.append(
            f":::{{grid-item-card}} {name.partition('.')[2]}\n:img-top: {name}.png\n"
            f":link: {paper}\n:link-type: doc\n\n{title_of(name)}.\n:::\n"
        )
    return "\n".join([*parts, "::::\n"])


def _figure(name: str, folder: Path) -> str:
    parts = [f"## {name}\n\n{title_of(name)}. {caption_of(name)}\n"]
    for picture in pictures_of(name):
        shutil.copy(picture, folder)
        parts.append(f"![{title_of(name)}]({picture.name})\n")
    parts.append(f"```sh\npython -m experiments run {name}\n```\n")
    quantities = read_quantities(name)
    if not quantities:
        return "\n".join([*parts, "Not run yet.\n"])
    parts.append(render_table(choose_headlines(quantities)))
    if len(quantities) > SHOWN:
        every = render_table(quantities)
        parts.append(f":::{{dropdown}} all {len(quantities)} numbers\n{every}\n:::\n")
    return "\n".join(parts)
