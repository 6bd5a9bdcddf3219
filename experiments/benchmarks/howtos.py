"""Every how-to page followed word by word, as a new user would, in a clean environment.

    python -m experiments.benchmarks.howtos

Clones the last commit, makes the environment that the page *Start* prints, and does what each page
says in the page's order: a `pip install` of an extra that it names, its Python blocks as one
program, its commands. The commands that need an account of IBM's (`submit` to `ibm:` and what
follows it) are left out, and said to be. Prints a line for each page; some minutes, most of them
the network's.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDS_AN_ACCOUNT = re.compile(r"\bibm:|qmemcircuit (collect|compare|resume) my-run")
STEP = re.compile(
    r"`pip install -e '\.\[(?P<extra>\w+)\]'`"
    r"|^```(?P<kind>python|sh)\n(?P<block>.*?)^```",
    re.S | re.M,
)


def follow(page: Path, clone: Path) -> str:
    """Do what a page says in the clone; return what was done, or raise where it failed."""
    done = {"extras": 0, "blocks": 0, "commands": 0, "left out": 0}
    program = ""
    for step in STEP.finditer(page.read_text()):
        if step["extra"]:
            pip = [clone / ".venv/bin/pip", "install", "-q", "-e", f".[{step['extra']}]"]
            subprocess.run(pip, cwd=clone, check=True)
            done["extras"] += 1
        elif step["kind"] == "python":
            program += step["block"]
            done["blocks"] += 1
        else:
            for command in filter(None, map(str.strip, step["block"].splitlines())):
                if NEEDS_AN_ACCOUNT.search(command):
                    done["left out"] += 1
                    continue
                subprocess.run(
                    command, shell=True, cwd=clone, check=True, stdout=subprocess.DEVNULL
                )
                done["commands"] += 1
    if program:
        # A file: worker processes of a sweep import it.
        script = clone / f"page_{page.stem}.py"
        guarded = "".join(f"    {line}" if line.strip() else line for line in program.splitlines(1))
        script.write_text(f"def main():\n{guarded}\nif __name__ == '__main__':\n    main()\n")
        subprocess.run(
            [clone / ".venv/bin/python", script.name],
            cwd=clone,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return ", ".join(f"{count} {name}" for name, count in done.items() if count) or "nothing to do"


def main() -> None:
    """Follow *Start*, then every how-to; exit with 1 where one fails."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "qmemcircuit"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        pages = clone / "docs" / "pages"
        for page in (pages / "start.md", *sorted((pages / "howto").glob("*.md"))):
            start = time.perf_counter()
            try:
                words = follow(page, clone)
            except subprocess.CalledProcessError as error:
                words = f"FAILED at {error.cmd}"
                failed.append(page.stem)
            print(f"{page.stem}: {words} ({time.perf_counter() - start:.0f} s)", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
