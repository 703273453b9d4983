"""The files of the report: all there, all agreeing, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mmbench.report.export import export
from mmbench.report.pages.report import Report
from mmbench.report.values import titles
from mmbench.schema.result import State
from tests.support.factory import TRUTHS, make

from .test_build import analysed

pytestmark = pytest.mark.slow


def _analysis() -> Report:
    truths = {name: TRUTHS[name] for name in ("unique", "synergy")}
    return analysed(make(truths=truths, faults={0: State.FAILED, 4: State.SKIPPED}))


@pytest.fixture(scope="module")
def analysis() -> Report:
    return _analysis()


@pytest.fixture(scope="module")
def folder(analysis: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "tables").mkdir()
    (folder / "tables" / "stale.csv").write_text("from before")
    export(analysis, folder)
    return folder


@pytest.mark.slow
def test_equal_ledgers_give_equal_bytes(analysis: Report, folder: Path, tmp_path: Path) -> None:
    files = export(_analysis(), tmp_path)
    assert files == export(analysis, folder)
    for name in files:
        here, there = ((f / name).read_bytes() for f in (folder, tmp_path))
        assert hashlib.sha256(here).digest() == hashlib.sha256(there).digest(), name


def test_nothing_stale_is_left(folder: Path) -> None:
    assert not (folder / "tables" / "stale.csv").exists()


def test_every_table_has_three_forms(folder: Path) -> None:
    names = {p.stem for p in (folder / "tables").iterdir()} - {"all"}
    assert {
        "cells_synergy",
        "overall",
        "questions",
        "effects",
        "marginal_means",
        "pareto",
        "coverage",
        "problems",
    } <= names
    assert {p.name for p in (folder / "tables").iterdir()} == {
        f"{n}.{e}" for n in names for e in ("csv", "md", "tex")
    } | {"all.tex"}


def test_csv_parquet_metrics_and_markdown_agree_with_the_analysis(analysis: Report, folder: Path) -> None:
    best = analysis.context.dataset("synergy").row(str(analysis.context.dataset("synergy").best))
    assert best.score is not None
    csv = pd.read_csv(folder / "tables" / "cells_synergy.csv").set_index("method")
    assert csv.loc[best.key, "score"] == pytest.approx(best.score.mean)
    assert csv.loc[best.key, "trial_ids"].split() == list(best.trial_ids)
    frame = pd.read_parquet(folder / "results.parquet")
    assert frame.set_index("trial_id").loc[list(best.trial_ids), "test_accuracy"].mean() == pytest.approx(
        best.score.mean
    )
    assert frame["state"].value_counts().to_dict() == {"done": 209, "failed": 1, "skipped": 1}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["synergy_accuracy"] == pytest.approx(best.score.mean, abs=1e-6)
    assert (metrics["done"], metrics["failed"], metrics["pending"]) == (209, 1, 0)
    text = (folder / "report.md").read_text()
    assert f"| **1 ★** | **{titles.titled(best.key)}** | **{best.score.mean:.3f} ± {best.score.half:.3f}** |" in text
    assert "RuntimeError: shapes do not match" in text


def test_markdown_links_only_to_files_that_exist(folder: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", (folder / "report.md").read_text())
    assert targets
    assert all((folder / t).exists() for t in targets)


def test_latex_is_plain_booktabs(folder: Path) -> None:
    for file in (folder / "tables").glob("[!a]*.tex"):
        text = file.read_text()
        assert text.isascii(), file
        assert "\\toprule" in text and "\\bottomrule" in text
        assert not re.search(r"(?<!\\)[_%#]", re.sub(r"\\label{[^}]*}", "", text)), file


def test_plots_are_what_dvc_reads(folder: Path) -> None:
    curves = pd.read_csv(folder / "plots" / "learning_curves.csv")
    assert list(curves.columns) == ["dataset", "kind", "name", "epoch", "median", "low", "high"]
    assert set(pd.read_csv(folder / "plots" / "marginal_means.csv")["dataset"]) == {"unique", "synergy", "all"}
    assert "train_seconds" in pd.read_csv(folder / "plots" / "cost.csv")


def test_a_report_of_nothing_can_be_written(tmp_path: Path) -> None:
    files = export(analysed(make(faults=dict.fromkeys(range(330), State.PENDING))), tmp_path)
    assert "report.md" in files and not any(f.startswith("figures/") for f in files)
    assert "No results yet" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_the_report_needs_neither_torch_nor_ray_nor_mlflow() -> None:
    code = (
        "import sys, mmbench.report.build, mmbench.report.export, mmbench.report.pages.html\n"
        "print(sorted({'torch', 'ray', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_a_report_that_is_stopped_half_way_leaves_the_old_one(
    analysis: Report, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    here = Path(shutil.copytree(folder, tmp_path / "reports"))
    before = {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()}
    monkeypatch.setattr("mmbench.report.export.parquet.write", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(analysis, here)
    assert {str(p.relative_to(here)): p.read_bytes() for p in here.rglob("*") if p.is_file()} == before
    assert before
