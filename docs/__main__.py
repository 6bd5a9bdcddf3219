"""Build the site: `python -m docs [--out FOLDER]`."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from docs.gallery import write_gallery
from docs.papers import write_papers
from docs.reference import write_reference

HERE = Path(__file__).parent
ROOT = HERE.parent


def build(out: Path) -> int:
    """Write the site below `out`; return Sphinx's exit code. Every warning is an error.

    Raises ImportError naming the extra where Sphinx is missing.
    """
    try:
        from sphinx.cmd.build import build_main
    except ImportError as error:
        raise ImportError("The site needs Sphinx: pip install -e '.[docs]'.") from error
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        shutil.copytree(HERE / "pages", source)
        shutil.copy(HERE / "conf.py", source)
        shutil.copytree(ROOT / "notebooks", source / "tutorials", ignore=_not_notebooks)
        (source / "tutorials" / "index.md").write_text(_tutorials(source / "tutorials"))
        _name_files_of_the_repository(source)
        write_reference(source / "reference")
        write_gallery(source / "gallery")
        write_papers(source / "papers.md")
        return int(build_main(["-q", "-W", "--keep-going", "-b", "html", str(source), str(out)]))


def _not_notebooks(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".ipynb")]


def _tutorials(folder: Path) -> str:
    names = "\n".join(path.stem for path in sorted(folder.glob("*.ipynb")))
    return (
        "# Tutorials\n\nThe notebooks with what they printed; CI runs each of them.\n"
        f"\n```{{toctree}}\n:maxdepth: 1\n{names}\n```\n"
    )


def _name_files_of_the_repository(source: Path) -> None:
    """Name what lies outside the site instead of linking it: the site travels without it.

    The gallery's pictures are in the site (`write_gallery` copies them).
    """
    for page in source.rglob("*.md"):
        text = page.read_text()
        text = re.sub(r"\]\((?:\.\./)+experiments/gallery/", "](/gallery/", text)
        page.write_text(re.sub(r"\[([^]]*)\]\((?:\.\./)+([^)]*)\)", _named(page, source), text))


def _named(page: Path, source: Path) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        target = found[0].rpartition("(")[2].rstrip(")").partition("#")[0]
        inside = (page.parent / target).resolve().is_relative_to(source.resolve())
        return found[0] if inside else f"{found[1]} (`{found[2]}`)"

    return replace


def main() -> None:
    """Build, and say where and how long."""
    parser = argparse.ArgumentParser(prog="python -m docs", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="folder")
    out = parser.parse_args().out
    start = time.perf_counter()
    code = build(out)
    if code == 0:
        print(f"{out / 'index.html'}: {time.perf_counter() - start:.0f} s")
    sys.exit(code)


if __name__ == "__main__":
    main()
