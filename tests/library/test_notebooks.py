"""The example notebooks run as they are committed: without outputs, and short."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LINES = {"own_tensors": 12}
"""Lines of code at most, from arrays to a leaderboard, the definition of the fusion and of the arrays left out."""


def code(name: str) -> list[str]:
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", ["own_tensors", "data_loader"])
def test_no_outputs_are_committed(name: str) -> None:
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


def test_from_arrays_to_a_leaderboard_in_few_lines() -> None:
    lines = [line for source in code("own_tensors") for line in source.splitlines() if line.strip()]
    fusion = [line for source in code("own_tensors") if "class " in source for line in source.splitlines()]
    made = [line for line in lines if line.startswith(("draw", "labels", "sensor", "image"))]
    assert fusion and made
    assert len(lines) - len([x for x in fusion if x.strip()]) - len(made) <= LINES["own_tensors"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "shown"), [("own_tensors", "maximum"), ("data_loader", "concat")])
def test_the_notebook_runs(name: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    text = "".join(
        str(output.get("data", {})) for output in notebook.cells[-1].outputs + notebook.cells[-2].get("outputs", [])
    )
    assert f"mean + {shown} · " in text
    assert list((tmp_path / "mmbench-results" / "data" / "ledger").glob("*.json"))
