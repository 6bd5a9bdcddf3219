"""The paper's central figure: digital quantum memristor against its master equation.

To see: from the same counts, finite differences (b, d) bury the loop in noise and the local fit (c,
e) shows it; the residuals scatter as the error bars say (f).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import qmemcircuit as qm
from experiments.drawing import draw_mosaic
from experiments.guo2022.params import FIG4_PERIODS, POINTS_PER_PERIOD, SHOTS, fig4_memristor
from experiments.loops import loop_words
from experiments.results import Quantity, Result, Settings
from qmemcircuit.counts.currents import ExpectedMeans, finite_difference, local_fit
from qmemcircuit.plotting.distances import plot_residuals
from qmemcircuit.plotting.figures import plot_loop, plot_series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the error of I one seed says little: its RMS scatters by a sixth from seed to seed.
REPETITIONS = 1000


def compute(settings: Settings) -> Result:
    """Run every circuit's shots and compare; the paper's current estimator beside ours."""
    memristor = fig4_memristor()
    times = memristor.periods(1 if settings.quick else FIG4_PERIODS, points=POINTS_PER_PERIOD)
    shots = settings.shots_or(SHOTS)
    target = settings.target or qm.aer(seed=settings.seed)
    record = qm.run(memristor, times, target=target, shots=shots)
    judgement = qm.judge(record)
    print(judgement)
    # As in the paper: with the bias that differences have.
    paper = qm.estimate(record, current="finite_difference", bias="data")
    data = {
        "master": judgement.reference,
        "exact": qm.exact_circuit(memristor, times),
        "digital": judgement.trajectory,
        "finite_difference": paper,
    }
    repeated = _repeated_rms(memristor, data["exact"], shots, settings.seed)
    quantities = _quantities(memristor, data, judgement.comparison, repeated)
    parameters = {"shots": shots, "seed": settings.seed, "points_per_period": POINTS_PER_PERIOD}
    return Result(data, quantities, parameters)


def _quantities(
    memristor: qm.Memristor,
    data: dict[str, qm.Trajectory],
    comparison: qm.Comparison,
    repeated: float,
) -> tuple[Quantity, ...]:
    master, digital, paper = data["master"], data["digital"], data["finite_difference"]
    assert comparison.p_value is not None
    assert comparison.chi_square is not None
    assert data["exact"].states is not None
    assert master.states is not None
    rms = {
        name: _rms(data[name].current - master.current) for name in ("digital", "finite_difference")
    }
    assert digital.current_error is not None
    assert paper.current_error is not None
    y, x = 2 * master.states[:, 1, 0].imag, 2 * master.states[:, 1, 0].real
    zero = np.zeros_like(x)
    without_noise = finite_difference(
        master.times, x, y, zero, zero, omega=memristor.omega, scale=memristor.current_scale
    )
    loops = [
        Quantity.of(
            f"form factor of loop {ours.index} (master equation {theirs.form_factor:.4f})",
            ours.form_factor_estimate,
            possible=(0.0, 1.0),
            evidence=f"master equation: {loop_words(theirs)}",
        )
        for ours, theirs in zip(comparison.loops_a[0], comparison.loops_b[0], strict=True)
    ]
    return (
        Quantity.against(
            f"p-value of χ² = {comparison.chi_square:.1f} "
            f"({comparison.degrees_of_freedom} degrees of freedom), digital against master",
            comparison.p_value,
            "compares well",
            holds=comparison.agree,
            source="Sec. III A, Fig. 4",
            evidence="" if comparison.agree else comparison.verdict,
        ),
        Quantity(
            "largest trace distance, exact circuit against master equation",
            qm.compare(data["exact"], master).trace_distance.max(),
        ),
        Quantity("RMS of V, digital − master", comparison.voltage_rms[0], unit="√(mħω)"),
        *Quantity.each(
            {
                "RMS error of I, local fit, this seed": rms["digital"],
                f"RMS error of I, local fit, {REPETITIONS} other draws of the counts": repeated,
                "RMS error of I, finite differences": rms["finite_difference"],
                "RMS of I itself": _rms(master.current),
                "bias of finite differences without shot noise, RMS": _rms(
                    without_noise.value - master.current[:, 0]
                ),
            },
            unit="ω√(mħω)",
        ),
        *loops,
    )


def _repeated_rms(memristor: qm.Memristor, exact: qm.Trajectory, shots: int, seed: int) -> float:
    """Return the RMS over times and repetitions of I by the default estimator less the exact I."""
    assert exact.states is not None
    rng = np.random.default_rng(seed)
    expected, means, errors = [], [], []
    for mean in (2 * exact.states[:, 1, 0].real, 2 * exact.states[:, 1, 0].imag):
        ups = rng.binomial(shots, (1 + mean) / 2, size=(REPETITIONS, mean.size))
        counts = np.stack([ups, shots - ups], axis=-1).reshape(-1, 1, 2)
        values, errors_of_values = qm.pauli_mean(qm.Samples(("Y",), counts), "Y")
        expected.append(mean)
        means.append(values.reshape(ups.shape))
        errors.append(errors_of_values.reshape(ups.shape))
    current = exact.current[:, 0]
    found = local_fit(
        exact.times,
        *means,
        *errors,
        omega=memristor.omega,
        scale=memristor.current_scale,
        expected=ExpectedMeans(*expected, current),
    )
    return _rms(found.value - current)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def draw(result: Result) -> Figure:
    """Draw V(t), I(t) and the loop, with finite differences (left) and our estimator (right)."""
    master, digital = result.data["master"], result.data["digital"]
    paper = result.data["finite_difference"]
    figure, axes = draw_mosaic("af;bc;de", height=7.6)
    plot_series(digital, "voltage", reference=master, ax=axes["a"])
    axes["a"].legend(["master equation", "digital"], loc="lower right")
    axes["a"].set_title("(a) voltage", loc="left")
    largest = 1.2 * float(np.abs(paper.current).max())
    for ax, estimate, title in (
        (axes["b"], paper, "(b) current, finite differences (the paper)"),
        (axes["c"], digital, "(c) current, local fit (ours)"),
    ):
        plot_series(estimate, "current", reference=master, ax=ax)
        ax.set_ylim(-largest, largest)
        ax.set_title(title, loc="left")
    limits = 1.1 * largest / float(np.abs(master.current).max())
    for ax, estimate, title in (
        (axes["d"], paper, "(d) I–V, finite differences (the paper)"),
        (axes["e"], digital, "(e) I–V, local fit (ours)"),
    ):
        plot_loop(estimate, reference=master, ax=ax)
        ax.set_ylim(-limits, limits)
        ax.set_title(title, loc="left")
    shown = axes["e"].get_legend_handles_labels()
    for letter in "de":
        axes[letter].get_legend().remove()  # one for both, off the data
    figure.legend(*shown, loc="outside lower center", ncols=4)
    plot_residuals(qm.compare(digital, master), ax=axes["f"], unit=float(digital.periods[0]))
    axes["f"].legend(loc="upper right", ncols=2)
    axes["f"].set_title("(f) residuals of (a) and (c)", loc="left")
    axes["f"].set_ylim(-4.5, 4.5)
    return figure
