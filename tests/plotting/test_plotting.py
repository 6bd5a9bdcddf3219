"""Figures are drawn, hold the data they should, and are written as PNG and PDF."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.plotting.distances import plot_residuals
from qmemcircuit.plotting.figures import (
    make_figure,
    plot_loop,
    plot_series,
    save_figure,
)

MEMRISTOR = qm.Memristor(qm.SquidRate(0.4), a=np.pi / 4, b=np.pi / 5)
TIMES = MEMRISTOR.periods(1, points=30)


@pytest.fixture(scope="module")
def master():
    return qm.master_equation(MEMRISTOR, TIMES)


@pytest.fixture(scope="module")
def digital():
    return qm.estimate(qm.run(MEMRISTOR, TIMES, target=qm.aer(seed=1), shots=500))


def test_loop_shows_reference_data_start_and_pinch(digital, master):
    ax = plot_loop(digital, reference=master)
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["reference", "start", "pinch", "digital"]
    line = ax.get_lines()[0].get_xydata()
    assert np.abs(line).max(axis=0) == pytest.approx([1, 1])
    start = next(line for line in ax.get_lines() if line.get_label() == "start")
    assert start.get_xydata()[0] == pytest.approx(line[0])
    assert len(ax.containers) == 1  # the points with error bars
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_series_are_in_periods(digital, master):
    for quantity in ("voltage", "current"):
        ax = plot_series(digital, quantity, reference=master)
        assert ax.get_lines()[0].get_xdata()[-1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="Argument quantity must be one of"):
        plot_series(digital, "charge")


def test_residuals_need_errors(digital, master):
    ax = plot_residuals(qm.compare(digital, master))
    assert len(ax.get_lines()) == 2
    ours = plot_residuals(qm.compare(digital, master), colors=("red", "blue"), markers=("x", "+"))
    looks = [(line.get_color(), line.get_marker()) for line in ours.get_lines()]
    assert looks == [("red", "x"), ("blue", "+")]
    assert [text.get_text() for text in ours.get_legend().get_texts()] == ["V", "I"]
    with pytest.raises(ValueError, match="must have residuals"):
        plot_residuals(qm.compare(master, master))


def test_files_are_png_and_pdf_and_style_is_not_leaked(tmp_path, master):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figure, ax = make_figure()
    plot_loop(master, ax=ax)
    written = save_figure(figure, tmp_path / "guo2022.fig4")
    assert [path.name for path in written] == ["guo2022.fig4.png", "guo2022.fig4.pdf"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert written[1].read_bytes().startswith(b"%PDF")
    assert dict(mpl.rcParams) == before


def form_factor_and_voltage(coupling, angle):
    return {"form_factor": coupling * angle, "series": np.array([coupling, angle])}


def test_a_map_has_its_parameters_and_units_at_the_axes():
    grid = {"coupling": [0.3, 0.1, 0.2], "angle": [1.0, 2.0]}
    with ThreadPoolExecutor(1) as here:
        table = qm.sweep(
            form_factor_and_voltage,
            grid,
            executor=here,
            units={"coupling": "ω", "form_factor": "1"},
        )
    ax = qm.plot_map(table, "form_factor")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coupling  [ω]", "angle")
    drawn = np.asarray(ax.collections[0].get_array()).reshape(2, 3)
    assert drawn == pytest.approx(np.outer([1.0, 2.0], [0.1, 0.2, 0.3]))  # sorted along both
    assert ax.figure.axes[-1].get_ylabel() == "form factor"
    with pytest.raises(ValueError, match="name must be one of the results, form_factor, series"):
        qm.plot_map(table)
    with pytest.raises(ValueError, match="must have two axes for a map, but 'series' has 3"):
        qm.plot_map(table, "series")
    with pytest.raises(ValueError, match="at least two numbers on both axes"):
        qm.plot_map(table.isel(angle=[0]), "form_factor")


def test_a_certificate_is_a_band_about_the_reference():
    memristor = qm.Memristor(qm.SquidRate(0.1), a=0.8)
    pair = qm.chain([memristor] * 2, qm.Native("y", 0.3))
    times = pair.periods(1, points=8)
    exact, master = qm.exact_circuit(pair, times), qm.master_equation(pair, times)
    certificate = qm.certify(pair, times)
    ax = qm.plot_series(exact, reference=master, certificate=certificate, device=1)
    [band] = ax.collections
    reach = band.get_paths()[0].vertices[:, 1]
    assert reach.max() == pytest.approx((master.voltage + certificate.voltage)[:, 1].max())
    assert reach.min() == pytest.approx((master.voltage - certificate.voltage)[:, 1].min())
    budget = qm.error_budget(
        exact, noisy=exact, exact=exact, master=master, certificate=certificate
    )
    labels = qm.plot_budget(budget).get_legend_handles_labels()[1]
    assert "splitting, any input" in labels
    with pytest.raises(ValueError, match="reference must be given with a certificate"):
        qm.plot_series(exact, certificate=certificate)


def test_a_loop_says_its_form_factor_and_the_bound():
    memristor = qm.Memristor(qm.SquidRate(0.4), a=0.8)
    times = memristor.periods(1, points=40)
    exact = qm.exact_circuit(memristor, times)
    title = qm.plot_loop(exact).get_legend().get_title().get_text()
    loop = qm.find_loops(exact)[0]
    assert title == (
        f"F = {loop.form_factor:.3f} ≤ {loop.form_factor_bound:.3f}, balance {loop.balance:.2f}"
    )
    part = qm.exact_circuit(memristor, times[:9])
    assert qm.plot_loop(part).get_legend().get_title().get_text() in ("", "None")


def test_data_look_as_they_are_asked_to(digital, master):
    for draw in (qm.plot_loop, qm.plot_series):
        ax = draw(digital, reference=master, color="C3", label="mine", marker="s")
        [points] = ax.containers
        assert (points.lines[0].get_color(), points.lines[0].get_marker()) == ("C3", "s")
        assert "mine" in ax.get_legend_handles_labels()[1]
        with pytest.raises(ValueError, match="Argument color must be a colour"):
            draw(digital, color="no colour")
        with pytest.raises(ValueError, match="Argument marker must be a marker"):
            draw(digital, marker="?")


def test_a_legend_of_ours_hides_no_data(digital, master):
    ax = qm.plot_loop(digital, reference=master)
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_a_variable_is_a_series_like_any_other():
    times = np.linspace(0.0, 3.0, 7)
    path = {"X": np.cos(times), "Y": np.sin(times), "Z": 0 * times}
    still = qm.Trajectory(times, np.zeros((7, 1)), np.zeros((7, 1)), variables=path)
    ax = qm.plot_series(still, "X", reference=still)
    assert ax.get_lines()[1].get_ydata() == pytest.approx(path["X"])
    assert ax.get_ylabel() == "X"
    drawn = np.array(qm.plot_bloch(still).get_lines()[0].get_data_3d())
    assert drawn == pytest.approx(np.array(list(path.values())))


def test_the_bloch_ball_shows_the_state(master):
    """V = ½√(mħω/2)<Y> of the qubit: its |0> is |g>, so that its Y is minus the paper's σy."""
    ax = qm.plot_bloch(master, reference=master, label="state", color="C2")
    path = np.array(ax.get_lines()[1].get_data_3d())
    assert path[1] == pytest.approx(master.voltage[:, 0] * 2 * np.sqrt(2), abs=1e-12)
    assert path[2, -1] > path[2, 0]  # it decays to |g>
    with pytest.raises(ValueError, match="must be three-dimensional"):
        qm.plot_bloch(master, ax=make_figure()[1])
    with pytest.raises(ValueError, match="must hold states, or variables X, Y and Z"):
        qm.plot_bloch(qm.Trajectory([0.0, 1.0], np.zeros((2, 1)), np.zeros((2, 1))))


@pytest.mark.parametrize(
    ("make", "straight", "centred"), [(qm.chain, 1, 0), (qm.star, 0, 1), (qm.ring, 0, 0)]
)
def test_a_graph_has_its_memristors_and_couplings(make, straight, centred):
    network = make([MEMRISTOR] * 5, qm.Native("y", 0.1))
    ax = qm.plot_graph(network)
    places = ax.get_lines()[0].get_xydata()
    assert len(places) == 5
    assert np.ptp(places[:, 1]) == pytest.approx(0) if straight else np.ptp(places[:, 1]) > 1
    assert np.any(np.abs(places).sum(axis=1) == 0) == bool(centred or straight)
    assert len(ax.patches) == len(network.couplings)
    assert {type(arrow.get_arrowstyle()).__name__ for arrow in ax.patches} == {"Curve"}


def test_a_graph_shows_weights_and_the_way_of_a_coupling():
    pair = qm.chain([MEMRISTOR] * 3, qm.ControlledRotation("y", 0.1))
    ax = qm.plot_graph(pair, weights={(0, 1): 0.5, (0, 2): 0.1})
    assert list(ax.collections[0].get_array()) == [0.5, 0.1]
    assert type(ax.patches[0].get_arrowstyle()).__name__ == "CurveFilledB"
    with pytest.raises(ValueError, match=r"from 0 to 2 a number not below 0, but \(0, 3\)"):
        qm.plot_graph(pair, weights={(0, 3): 0.5})
