"""The experiments run, redraw from their files, and make the table that nobody types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.__main__ import experiment_names, load_experiment, main
from experiments.report import GALLERY, HERE, render_report
from experiments.results import Quantity, format_number

QUICK = [name for name in experiment_names() if name.startswith("guo2022.")]


@pytest.mark.slow
@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_runs_quickly_and_redraws(name, tmp_path, capsys):
    assert main(["run", name, "--quick", "--out", str(tmp_path)]) == 0
    place = tmp_path / name
    summary = json.loads((place / "summary.json").read_text())
    assert summary["quantities"], name
    pictures = sorted(place.glob("*.png"))
    assert pictures
    assert len(list(place.glob("*.pdf"))) == len(pictures)
    for picture in pictures:
        picture.unlink()
    assert main(["draw", name, "--out", str(tmp_path)]) == 0
    assert sorted(place.glob("*.png")) == pictures
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
    assert (HERE / "README.md").read_text() == render_report()


def test_every_figure_has_a_summary_in_the_gallery():
    missing = [name for name in experiment_names() if not (GALLERY / f"{name}.json").is_file()]
    assert not missing


def test_quantities_do_not_claim_without_evidence():
    with pytest.raises(ValueError, match="without evidence"):
        Quantity("x", 1.0, published=2.0, verdict="erratum")
    with pytest.raises(ValueError, match="but with what"):
        Quantity("x", 1.0, verdict="agrees")


def test_numbers_show_two_digits_of_their_error():
    assert format_number(0.12345, 0.0067) == "0.1235 ± 0.0067"
    assert format_number(12.0, None) == "12"
    assert format_number("yes") == "yes"


def test_papers_numbers_stay_out_of_the_library():
    root = Path(HERE).parent / "qmemcircuit"
    for path in root.glob("*.py"):
        assert "1 / 15" not in path.read_text(), path
