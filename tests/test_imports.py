"""The walls between modules, and what importing the package may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from house import WINGS, arrows_of, circles_of, modules_of, upward_imports, wing_of

import qmemcircuit

PACKAGE = Path(qmemcircuit.__file__).parent
HEAVY = (
    "qiskit_aer",
    "qiskit_ibm_runtime",
    "qutip",
    "matplotlib",
    "numba",
    "dask",
    "distributed",
)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_imports_go_only_down_the_wings():
    """Those inside functions and under TYPE_CHECKING included; `house.WINGS` is the order."""
    assert upward_imports(arrows_of(PACKAGE.parent, "qmemcircuit")) == []


def test_the_test_of_the_wings_sees_an_import_upward():
    arrows = {"qmemcircuit.model.laws.rates": {"qmemcircuit.results.trajectory"}}
    assert upward_imports(arrows) == [
        ("qmemcircuit.model.laws.rates", "qmemcircuit.results.trajectory")
    ]
    assert circles_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_every_room_stands_in_a_wing():
    """But for the face and the former places that notebooks name."""
    wings = {wing for line in WINGS for wing in line}
    outside = [m for m in modules_of(PACKAGE.parent, "qmemcircuit") if wing_of(m) not in wings]
    assert outside == ["qmemcircuit", "qmemcircuit.plotting_spikes"]


@pytest.mark.parametrize("package", ["qmemcircuit", "experiments"])
def test_no_imports_in_a_circle(package):
    assert circles_of(arrows_of(PACKAGE.parent, package)) == []


def test_importing_the_package_is_light():
    code = f"import sys, qmemcircuit; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_help_and_the_face_open_no_room():
    """Neither NumPy nor Qiskit is loaded before it is used."""
    code = (
        "import sys, qmemcircuit; from qmemcircuit.command_line.main import _parser; _parser()\n"
        "qmemcircuit.__version__, dir(qmemcircuit), qmemcircuit.__all__\n"
        "print([m for m in ('numpy', 'scipy', 'qiskit', 'xarray', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    command = [sys.executable, "-m", "qmemcircuit", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "submit" in shown


def test_dir_shows_what_is_public_and_nothing_else():
    qmemcircuit.chain  # noqa: B018, opens a room, which must not show
    assert dir(qmemcircuit) == sorted(qmemcircuit.__all__)


def test_every_public_name_exists_and_none_is_a_module():
    for name in qmemcircuit.__all__:
        assert type(getattr(qmemcircuit, name)).__name__ != "module", name
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert not modules & set(qmemcircuit.__all__)


def imported_within(path: Path) -> set[str]:
    """The package's own modules that a file reaches, directly or through others."""
    seen: set[str] = set()
    todo = [path]
    while todo:
        for module in imports(todo.pop()):
            if module.startswith("qmemcircuit.") and module not in seen:
                seen.add(module)
                inner = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
                if inner.is_file():
                    todo.append(inner)
    return seen


def test_circuits_and_reference_never_meet():
    """Two derivations from one model: their agreement is evidence only if they share no physics."""
    reference = PACKAGE / "simulation" / "master_equation.py"
    circuit_side = [
        *(PACKAGE / "circuits").glob("*.py"),
        *(path for path in reference.parent.glob("*.py") if path != reference),
    ]
    reached = imported_within(reference)
    for path in circuit_side:
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        assert module not in reached, module
        direct = imports(path)
        assert "qmemcircuit.simulation.master_equation" not in direct, path
        assert not any(name.split(".")[0] == "qutip" for name in direct), path


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("matplotlib", {"plotting"}),
        ("qutip", {"master_equation.py", "memristors.py", "neurons"}),
        # main.py: `doctor` asks the client which accounts are saved.
        ("qiskit_ibm_runtime", {"ibm.py", "services.py", "main.py"}),
        ("samplomatic", {"suppression.py"}),
    ],
)
def test_only_one_room_imports(library, allowed):
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if {place.name, place.parts[0]} & allowed:
            continue
        assert not any(m.split(".")[0] == library for m in imports(path)), (path, library)


def test_the_library_knows_no_experiment():
    for path in PACKAGE.rglob("*.py"):
        assert not any(m.split(".")[0] == "experiments" for m in imports(path)), path


def test_no_machine_paths_and_no_tokens():
    root = PACKAGE.parent
    for path in [*PACKAGE.rglob("*.py"), *(root / "experiments").rglob("*.py")]:
        text = path.read_text()
        assert "/home/" not in text, path
        assert "/work/" not in text, path
