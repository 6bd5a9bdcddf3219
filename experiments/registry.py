"""Which experiments there are: a module below a paper's folder with `compute` and `draw` is one."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import experiments


def experiment_names() -> list[str]:
    """Return `paper.figure` for every module below `experiments/<paper>/` that draws a figure.

    The folders are the register: a module with `compute` and `draw` is an experiment.
    """
    names = []
    for paper in pkgutil.iter_modules(experiments.__path__):
        if not paper.ispkg or paper.name in ("benchmarks", "gallery"):
            continue
        folder = Path(experiments.__path__[0]) / paper.name
        for module in pkgutil.iter_modules([str(folder)]):
            source = (folder / f"{module.name}.py").read_text()
            if "\ndef compute(" in source and "\ndef draw(" in source:
                names.append(f"{paper.name}.{module.name}")
    return sorted(names, key=_natural)


def load_experiment(name: str) -> ModuleType:
    """Import the experiment `paper.figure`; ValueError names the ones that exist."""
    if name not in experiment_names():
        raise ValueError(
            f"Argument name must be one of {', '.join(experiment_names())}, but {name!r} was given."
        )
    return importlib.import_module(f"experiments.{name}")


def title_of(name: str) -> str:
    """Return the first line of the module's docstring, read without importing what it needs."""
    return _docstring(name).split("\n")[0].rstrip(".")


def caption_of(name: str) -> str:
    """Return what to see in the figure: the paragraph "To see: …" of the module's docstring."""
    found = re.search(r"^To see: (.*?)(?:\n\n|\Z)", _docstring(name), re.M | re.S)
    caption = "" if found is None else " ".join(found[1].split())
    return caption[:1].upper() + caption[1:] if caption[:1].isascii() else caption


def _docstring(name: str) -> str:
    source = Path(experiments.__path__[0]).joinpath(*name.split(".")).with_suffix(".py")
    return ast.get_docstring(ast.parse(source.read_text())) or ""


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
