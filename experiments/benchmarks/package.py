"""The wheel and the source archive: what is in them, how large they are, and that they work.

    pip install build
    python -m experiments.benchmarks.package

Builds both as `python -m build` does, refuses one that carries more than the package (tests, data,
figures), prints the sizes, and installs each with its dependencies in a clean environment of its
own, where the README's example must run and print its verdict. It loads the dependencies twice:
some minutes, most of them the network's.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERDICT = "The two agree within the shots"
ALLOWED = re.compile(
    r"qmemcircuit/.*\.(py|pyi)|qmemcircuit/py\.typed|[^/]*\.dist-info/.*|PKG-INFO|\.gitignore"
    r"|pyproject\.toml|README\.md|CHANGELOG\.md|CITATION\.cff|LICENSE"
)


def contents(archive: Path) -> list[str]:
    """Return the files of an archive, without the folder that a source archive puts around all."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            return packed.namelist()
    with tarfile.open(archive) as packed:
        return [item.name.partition("/")[2] for item in packed if item.isfile()]


def example_of_the_readme() -> str:
    """Return the first example: the one that draws a loop and prints a verdict."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[0]


def install_and_run(archive: Path, folder: Path) -> float:
    """Install an archive in a fresh environment, run the example there, return the seconds."""
    start = time.perf_counter()
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", archive], check=True, cwd=folder)
    (folder / "example.py").write_text(example_of_the_readme())
    found = subprocess.run(
        [python, "example.py"], check=True, cwd=folder, capture_output=True, text=True
    )
    assert VERDICT in found.stdout, found.stdout
    assert (folder / "loop.png").stat().st_size > 10_000
    return time.perf_counter() - start


def main() -> None:
    """Build, look inside, install, run; print a line for each archive."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        subprocess.run([sys.executable, "-m", "build", "--outdir", out, ROOT], check=True)
        archives = sorted([*out.glob("*.whl"), *out.glob("*.tar.gz")])
        assert len(archives) == 2
        for archive in archives:
            files = contents(archive)
            foreign = [file for file in files if not ALLOWED.fullmatch(file)]
            assert not foreign, foreign
            size = archive.stat().st_size / 1024
            print(f"{archive.name}: {size:.0f} KiB, {len(files)} files, the package alone")
        for archive in archives:
            with tempfile.TemporaryDirectory() as folder:
                seconds = install_and_run(archive, Path(folder))
            print(f"{archive.name}: installed, the README's example ran ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
