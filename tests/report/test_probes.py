"""What probes measured is shown without a section of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from tests.support.factory import TRUTHS, make

LEVELS = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}


def test_numbers_of_a_probe_that_is_not_installed_are_shown_too(tmp_path: Path) -> None:
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS)
    results = {
        trial_id: result.model_copy(
            update={"quantities": result.quantities | {"kept": [1.0, 0.5 + 0.1 * result.config.seed], "tried": 32}}
        )
        for trial_id, result in made.results.items()
    }
    report = analyse(**replace(made, results=results).arguments())
    files = export(report, tmp_path)
    page = render(report, downloads=files)
    assert not report.failures
    stem = "probe_other_synergy"
    assert {f"tables/{stem}.{s}" for s in ("csv", "md", "tex")} | {f"figures/{stem}.svg", f"figures/{stem}.pdf"} <= set(
        files
    )
    table = pd.read_csv(tmp_path / "tables" / f"{stem}.csv", dtype={"part": str}, keep_default_na=False)
    cell = table[table["method"] == "additive + concat · shared"].set_index(["quantity", "part"])
    assert list(cell["mean"]) == pytest.approx([1.0, 0.6, 32.0]) and list(cell.index) == [
        ("kept", "0"),
        ("kept", "1"),
        ("tried", ""),
    ]
    assert float(cell.loc[("kept", "1"), "half_width"]) == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-6)
    assert "0.6 ± 0.25" in page and '<a href="#probes">Other measurements</a>' in page
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "0.6 ± 0.25" in markdown and f"figures/{stem}.svg" in markdown


def test_a_claimed_probe_is_left_to_its_section() -> None:
    report = analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())
    assert report["probes"] is None and report["cost"] is not None
