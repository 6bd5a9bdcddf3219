"""Figures are drawn, hold the data they should, and are written as PNG and PDF."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import qmemcircuit as qm
from qmemcircuit.plotting.figures import (
    make_figure,
    plot_loop,
    plot_residuals,
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
