"""The experiments run, redraw from their files, and make the table that nobody types."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import qmemcircuit as qm
from experiments.__main__ import main
from experiments.drawing import TWO_COLUMNS
from experiments.driven2026.forced import CHAOS, LOCKED, TORUS, UNDECIDED, name_regime
from experiments.numbers import format_number, shorten_numbers
from experiments.registry import caption_of, experiment_names, load_experiment
from experiments.report import (
    GALLERY,
    HERE,
    TABLES,
    choose_headlines,
    folders,
    read_quantities,
    render_report,
)
from experiments.results import Quantity, Settings, judge

# "differs" says that we do not know why; how many may is said here, by experiment: none.
UNEXPLAINED: dict[str, int] = {}
LAST_FIGURE = {"guo2022": 12, "potter2024": 7, "driven2026": 16, "gonzalezraya2020": 7}


def inches_wide(picture):
    with Image.open(picture) as opened:
        # A PNG keeps whole dots per metre: 200 an inch come back as 199.9.
        return opened.width / round(opened.info["dpi"][0])


@pytest.mark.slow
@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_runs_quickly_and_redraws(name, tmp_path, capsys):
    assert main(["run", name, "--quick", "--out", str(tmp_path)]) == 0
    place = tmp_path / name
    summary = json.loads((place / "summary.json").read_text())
    names = [quantity["name"] for quantity in summary["quantities"]]
    assert names
    assert len(set(names)) == len(names)
    pictures = sorted(place.glob("*.png"))
    assert pictures
    assert len(list(place.glob("*.pdf"))) == len(pictures)
    for picture in pictures:
        picture.unlink()
    assert main(["draw", name, "--out", str(tmp_path)]) == 0
    assert sorted(place.glob("*.png")) == pictures
    assert [path.name for path in pictures if inches_wide(path) > TWO_COLUMNS] == []
    assert not list(tmp_path.rglob("*.part"))


def test_fig4_runs_from_the_command_line(tmp_path, capsys):
    arguments = ["run", "guo2022.fig4", "--quick", "--shots", "500", "--seed", "3"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "The two agree within the shots" in printed.out
    assert printed.err == ""  # no progress bar in a pipe
    summary = json.loads((tmp_path / "guo2022.fig4" / "summary.json").read_text())
    assert summary["parameters"]["shots"] == 500
    assert summary["parameters"]["seed"] == 3


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_early_is_no_error(buffered):
    """`python -m experiments list | head -1`, with a reader that has left before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, *([] if buffered else ["-u"]), "-m", "experiments", "list"]
    with os.fdopen(writer, "w") as stream:
        ended = subprocess.run(
            command, stdout=stream, stderr=subprocess.PIPE, cwd=HERE.parent, text=True
        )
    assert (ended.returncode, ended.stderr) == (141, "")


def test_list_names_every_experiment(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    for name in experiment_names():
        assert name in printed
        assert load_experiment(name).__doc__


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "guo2022.fig99"],
        ["run", "guo2022.fig4", "--shots", "0"],
        ["run", "guo2022.fig4", "--target", "fake"],
    ],
)
def test_mistakes_are_one_line_on_standard_error(arguments, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Argument")
    assert error.count("\n") == 1


def test_the_table_is_what_the_summaries_say():
    for path, text in render_report().items():
        assert path.read_text() == text, path
    assert {path.name for path in TABLES.glob("*.md")} == {f"{folder}.md" for folder in folders()}


def test_the_page_shows_what_disagrees_first():
    quantities = [Quantity(name, 1.0) for name in "abcd"]
    quantities.append(Quantity("e", 1.0, published=2.0, verdict="differs", evidence="unknown"))
    assert [item.name for item in choose_headlines(quantities)] == ["e", "a", "b"]


def test_every_figure_fits_two_columns_of_a_journal():
    too_wide = [path.name for path in GALLERY.glob("*.png") if inches_wide(path) > TWO_COLUMNS]
    assert too_wide == []


def test_every_figure_says_what_to_see():
    assert [name for name in experiment_names() if not caption_of(name)] == []


def test_goals_say_whose_they_are():
    """A reader of the table knows no task that somebody once set."""
    pages = [HERE / "README.md", *TABLES.glob("*.md")]
    words = re.compile(r"\b(issue|asked|required|demanded)\b", re.IGNORECASE)
    assert words.findall("".join(path.read_text() for path in pages)) == []


def test_the_gallery_hides_no_disagreement():
    for name in experiment_names():
        summary = json.loads((GALLERY / f"{name}.json").read_text())
        differing = [q["name"] for q in summary["quantities"] if q["verdict"] == "differs"]
        assert len(differing) <= UNEXPLAINED.get(name, 0), (name, differing)


@pytest.mark.parametrize(("paper", "last"), LAST_FIGURE.items())
def test_every_figure_of_a_paper_is_reproduced_or_says_why_not(paper, last):
    module = importlib.import_module(f"experiments.{paper}")
    for number in range(1, last + 1):
        reproduced = any(
            re.fullmatch(rf"{paper}\.fig{number}[a-z]?", name) for name in experiment_names()
        )
        excused = any(
            re.fullmatch(rf"fig{number}[a-z]?", figure) for figure in module.NOT_REPRODUCED
        )
        assert reproduced or excused, f"{paper}.fig{number}"


def test_every_figure_has_a_summary_in_the_gallery():
    missing = [name for name in experiment_names() if not (GALLERY / f"{name}.json").is_file()]
    assert not missing


def test_quantities_do_not_claim_without_evidence():
    with pytest.raises(ValueError, match="without evidence"):
        Quantity("x", 1.0, published=2.0, verdict="erratum")
    with pytest.raises(ValueError, match="but with what"):
        Quantity("x", 1.0, verdict="agrees")


def test_a_quantity_is_judged_by_digits_or_by_a_claim():
    assert Quantity.against("x", np.float64(0.2254), 0.23, digits=2).verdict == "agrees"
    assert Quantity.against("x", 0.2249, 0.23, digits=2).verdict == "differs"
    assert Quantity.against("x", 3, "rises", holds=np.bool_(True)).verdict == "agrees"
    with pytest.raises(ValueError, match="one of them"):
        Quantity.against("x", 1.0, 1.0)
    with pytest.raises(ValueError, match="one of them"):
        Quantity.against("x", 1.0, 1.0, digits=1, holds=True)


def test_quantities_share_what_they_have_in_common():
    first, second = Quantity.each({"a": np.int64(2), "b": (1.0, 0.1)}, unit="s")
    assert first == Quantity("a", 2.0, unit="s")
    assert second == Quantity("b", 1.0, 0.1, "s")
    assert isinstance(first.value, float)
    assert Quantity.inferred("x", 1, "why").verdict == "inferred"
    assert Quantity.erratum("x", 1, 2.0, "why").line() == "x = 1  [erratum; published 2.0]"


def test_progress_is_counted_by_the_kit():
    seen = []
    settings = Settings(progress=lambda done, total: seen.append((done, total)))
    assert list(settings.track("ab")) == ["a", "b"]
    advance = settings.stages(3)
    for _ in range(3):
        advance()
    assert seen == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]


def test_a_verdict_is_half_a_printed_digit():
    assert judge(0.2254, 0.23, digits=2) == "agrees"
    assert judge(0.2249, 0.23, digits=2) == "differs"
    assert judge(7.5, 7.0, digits=0) == "agrees"
    assert judge(float("nan"), 7.0, digits=0) == "differs"


@pytest.mark.parametrize(
    ("exponents", "multiplier", "regime"),
    [
        ((-0.09, -0.09), 0.9, LOCKED),
        ((0.0, -0.05), 1.07, TORUS),
        ((0.3, 0.0), 1.5, CHAOS),
        ((0.3, 0.0), 0.9, CHAOS),
        ((-0.09, -0.09), 1.07, UNDECIDED),
        ((0.0, -0.05), 0.9, UNDECIDED),
        ((0.0, 0.0), 1.07, UNDECIDED),
    ],
)
def test_a_regime_needs_exponents_and_multipliers(exponents, multiplier, regime):
    """Duck-typed stand-ins: the rule is tested, not the integration behind it."""
    spectrum = SimpleNamespace(
        exponents=np.array([*exponents, -1.0, -1.7]), errors=np.full(4, 1e-4), duration=6000.0
    )
    orbit = SimpleNamespace(stable=multiplier < 1)
    assert name_regime(SimpleNamespace(spectrum=spectrum, orbit=orbit)) == regime


def test_numbers_show_two_digits_of_their_error():
    assert format_number(0.12345, 0.0067) == "0.1235 ± 0.0067"
    assert format_number(12.0, None) == "12"
    assert format_number("yes") == "yes"


def test_numbers_show_no_digit_that_means_nothing():
    assert format_number(0.226432, None) == "0.226"
    assert format_number(-4.4e-16) == "0 (rounding)"
    assert format_number(2.0e-12) == "2e-12"  # above rounding: a small number is not zero
    assert format_number(1.00034) == "1.00034"  # what a ratio says is how far it is from 1
    assert format_number(7.02328, published=7.0246) == "7.0233"
    assert format_number(7.02328, published="about 7") == "7.02"
    assert format_number(1234.5, None) == "1234"
    assert format_number(0.0699209092, 1e-9) == "0.0699209 ± 1e-09"
    assert shorten_numbers("χ² = 335.2, Γ = 0.6544004815") == "χ² = 335.2, Γ = 0.6544"
    assert shorten_numbers("0.25 ± 0.03, 1.68148 ± 0.00003") == "0.25 ± 0.03, 1.68148 ± 0.00003"


def test_no_number_of_the_page_is_longer_than_it_means():
    """Six digits and more are an error's, those of a published number, or how far from 1."""
    for name in experiment_names():
        for quantity in read_quantities(name):
            value = quantity.value
            if isinstance(value, str) or not (quantity.error is quantity.published is None):
                continue
            if value == round(value) or abs(value) > 1e3 or 0.9 < abs(value) < 1.1:
                continue
            digits = re.sub(r"e.*|\D", "", quantity.number().split()[0]).lstrip("0")
            assert len(digits) <= 3, (name, quantity)


def test_an_interval_is_printed_where_an_error_says_nothing():
    even, lopsided, anything = (
        Quantity.of("F", qm.Estimate(value, error, low, high, level=0.95), possible=(0.0, 1.0))
        for value, error, low, high in (
            (0.335, 0.032, 0.279, 0.39),
            (0.34, 0.18, 0.076, 0.9),
            (0.16, 0.84, 0.0, 1.0),
        )
    )
    assert even.line() == "F = 0.335 ± 0.032  [new]"
    assert even.evidence == "95 % interval [0.279, 0.39]"
    assert lopsided.line() == "F = 95 % interval [0.076, 0.9]  [new]"
    assert anything.line() == "F = not resolved, 95 % interval [0, 1]  [new]"


def test_papers_numbers_stay_out_of_the_library():
    root = Path(HERE).parent / "qmemcircuit"
    for path in root.glob("*.py"):
        assert "1 / 15" not in path.read_text(), path


@pytest.mark.slow
def test_accidents_lose_nothing() -> None:
    """A few trials of each kind; `python -m experiments.benchmarks.faults` has hundreds."""
    command = [sys.executable, "-W", "ignore", "-m", "experiments.benchmarks.faults", "--quick"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_a_slowly_relaxing_cycle_is_not_taken_for_a_small_one():
    """The pixel of potter2024.fig6(b) at Γ = 0.01, α = 0.2226: 0.0012 where shooting gave up."""
    from experiments.potter2024.fig6 import _row_at

    row = _row_at(rates=(0.01,), relaxation_ratio=0.1 + 2 * 1.9 / 31)
    # Between its neighbours along α, whose spans are 0.010517 and 0.013952.
    assert row["spans"][0] == pytest.approx(0.012354, abs=1e-6)
    assert row["missed"] == 0
