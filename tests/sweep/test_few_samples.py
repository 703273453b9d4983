"""A sweep on a handful of test samples says what they allow before it trains anything."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from mmbench.cli import main
from mmbench.stages.sweep import sweep
from tests.support import small_project

pytestmark = pytest.mark.slow


def test_a_sweep_and_a_plan_warn_of_few_test_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(small_project.SPLITS, "test", 12)
    root = small_project.make(tmp_path / "project")
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["tracking"]["enabled"], raw["sweep"]["at_once"] = False, 1
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    said = "warning: small: test has only 12 samples: a model that gets 9 of 12 right could have an accuracy from 47 %"
    assert main(["plan", "--root", str(root)]) == 0
    assert said in capsys.readouterr().out
    console = Console(file=io.StringIO(), width=80)
    assert sweep(root, console) == 0
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert out.startswith(said), "before anything else"
