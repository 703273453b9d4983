"""The example notebooks run as they are committed: without outputs, and short."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MOST = 12
"""Lines of code from arrays to a leaderboard, imports and the definition of a fusion included."""


def code(name: str) -> list[str]:
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", ["own_tensors", "data_loader"])
def test_no_outputs_are_committed(name: str) -> None:
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


def test_from_arrays_to_a_leaderboard_in_few_lines() -> None:
    arrays, *rest = code("own_tensors")
    assert "mmbench" not in arrays and "torch" not in arrays, "the first cell makes the arrays, and nothing else"
    lines = [line for source in rest for line in source.splitlines() if line.strip()]
    assert any("(mmbench.Fusion)" in line for line in lines) and "leaderboard()" in lines[-1]
    assert len(lines) <= MOST


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "shown"),
    [("own_tensors", "maximum"), ("data_loader", "concat")],
)
def test_the_notebook_runs(name: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "".join(str(output.get("data", {})) for output in cells[-1].outputs)
    assert f"mean + {shown} · " in text
    assert list((tmp_path / "mmbench-results" / "data" / "ledger").glob("*.json"))
