"""The two whole examples of docs/your-data.md, as they are written there, under a smaller budget."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "your-data.md").read_text(encoding="utf-8")
SMALL = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 1}


def example(name: str) -> tuple[str, list[str], list[str]]:
    """Of the example about that data set: its script, its YAML, and every line of its shell blocks."""
    (section,) = [s for s in re.split(r"^## ", PAGE, flags=re.MULTILINE) if f"mmbench data check {name}\n" in s]
    (script,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    shell = "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines()
    return script, re.findall(r"```yaml\n(.*?)```", section, re.DOTALL), shell


def shrink(file: Path, name: str) -> None:
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"] |= {"datasets": [name]} | SMALL
    raw["train"] |= {"epochs": 1, "learning_rate": 0.003}
    raw["controls"] |= {"single_modalities": False, "baselines": ["linear"], "budgets": []}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")


@pytest.mark.parametrize("name", ["shop", pytest.param("walks", marks=pytest.mark.exhaustive)])
def test_an_example_works_as_written(name: str, tmp_path: Path) -> None:
    script, (card,), lines = example(name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}

    def run(command: str, folder: Path) -> str:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=kept | {"PATH": path}, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    (tmp_path / "make.py").write_text(script, encoding="utf-8")
    run("python make.py", tmp_path)
    before, after = lines[: lines.index("cd study")], lines[lines.index("cd study") + 1 :]
    for command in before:
        run(command, tmp_path)
    study, printed = tmp_path / "study", {}
    file = study / "data" / "raw" / name / "dataset.yaml"
    for command in after:
        if command.startswith("mmbench data check"):
            if "prefix" in card:
                assert "motion: sequence" in printed[f"mmbench data init ../{name}"]
                file.write_text(card, encoding="utf-8")
            wanted, drafted = yaml.safe_load(card), yaml.safe_load(file.read_text(encoding="utf-8"))
            assert {k: drafted[k] for k in wanted} == wanted, "the page shows what `init` drafts"
        if command == "dvc repro":
            assert f"datasets: [{name}]" in printed[f"mmbench data check {name}"]
            assert f"`datasets: [{name}]`" in PAGE
            shrink(study / "params.yaml", name)
        printed[command] = run(command, study)
    said = printed[f"mmbench data check {name}"]
    assert "so there is something to fuse" in said and "in no row" not in said and said.count("warning") == 0
    assert (study / "reports" / "report.html").is_file() and printed["mmbench verdict"].strip()
    if name == "shop":
        scores = re.search(r"([\d.]+) with all modalities, ([\d.]+) with photo alone, ([\d.]+) with caption", said)
        assert scores is not None
        together, *alone = map(float, scores.groups())
        assert together > 0.95 and all(0.4 < score < 0.65 for score in alone), "as the page says"
