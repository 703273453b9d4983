"""The recipes for results.parquet in docs/python.md, run as they are written on the results of a whole sweep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.report.trials import parquet
from mmbench.report.trials.frame import tidy
from tests.support.factory import TRUTHS, make

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the recipes leave behind, one after the other."""
    made = make(truths={name: TRUTHS[name] for name in ("synergy", "redundant")}, seeds=3)
    (tmp_path / "reports").mkdir()
    metrics = dict.fromkeys(made.specs, "accuracy")
    parquet.write(tidy(made.plan, made.results, made.families, metrics), tmp_path / "reports" / "results.parquet")
    monkeypatch.chdir(tmp_path)
    section = PAGE.partition("## Three recipes")[2]
    recipes = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(recipes) == 3
    names: dict[str, Any] = {"made": made}
    for recipe in recipes:
        exec(recipe, names)
    return names


def test_the_recipes_give_what_they_promise(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    made, table = found["made"], found["table"]
    cells = {
        name: [r for r in made.results.values() if r.config.dataset == name and r.config.role == "cell"]
        for name in made.specs
    }
    for name, results in cells.items():
        scores: dict[str, list[float]] = {}
        for r in results:
            scores.setdefault(r.config.cell, []).append(r.metrics["test"]["accuracy"])
        own = table.loc[name]
        assert len(own) == len(scores) == 27 and (own["count"] == 3).all()
        assert own["mean"].is_monotonic_decreasing
        assert own["mean"].to_dict() == pytest.approx({k: np.mean(v) for k, v in scores.items()}, abs=6e-4)
        mean = {
            level: np.mean([r.metrics["test"]["accuracy"] for r in results if r.config.architecture.label == level])
            for level in ("hybrid", "shared")
        }
        assert found["by_dataset"][name] == pytest.approx(100 * (mean["hybrid"] - mean["shared"]))
        costs = found["cost"].loc[name]
        assert (costs.train_seconds > 0).all() and found["limit"] > 0
