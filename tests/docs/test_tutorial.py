"""The tutorial's own commands, one after the other, under a smaller budget."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
SMALL = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 1}


def commands() -> list[str]:
    """Every line of the page's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.exhaustive
def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
    folder, printed = tmp_path, {}

    def run(command: str) -> str:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=kept | {"PATH": path}, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    (tmp_path / "draw.py").write_text(example[1], encoding="utf-8")
    run("python draw.py")
    lines = commands()
    assert lines.count("dvc repro") == 1 and "cd study" in lines
    for command in lines:
        if command == "cd study":
            folder = tmp_path / "study"
            continue
        if command.startswith("dvc repro prepare"):
            assert "datasets: [shapes]" in printed["mmbench data init ../shapes"]
            file = folder / "params.yaml"
            raw = yaml.safe_load(file.read_text(encoding="utf-8"))
            raw["grid"] |= {"datasets": ["shapes"]} | SMALL
            raw["train"] |= {"epochs": 1, "learning_rate": 0.003}
            file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        if command.startswith("mmbench predict"):
            some = next((tmp_path / "shapes").rglob("*.png")).relative_to(tmp_path / "shapes")
            (folder / "rows.csv").write_text(f"image,text\n{some},{some.with_suffix('.txt')}\n", encoding="utf-8")
        printed[command] = run(command)
    assert "there is something to fuse" in printed["mmbench data check shapes"]
    assert (folder / "reports" / "report.html").is_file()
    assert re.search(r"(red|blue)_(disc|square)", printed[lines[-1]])
