"""Everything but the page, written to a folder: Markdown, tables, figures, the tidy results, DVC's metrics and
plots."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from mmbench.report.draw.figures import figures
from mmbench.report.pages import latex, markdown
from mmbench.report.sections.cells.tables import effect_tables, tables
from mmbench.report.trials import parquet
from mmbench.report.values.analysis import Analysis, DatasetReport


def _dataset_metrics(d: DatasetReport) -> dict[str, Any]:
    if d.best is None:
        return {}
    best = d.row(d.best)
    assert best.score is not None
    numbers = {
        d.scale.metric: best.score.mean,
        "half_width": best.score.half,
        "ceiling_share": best.ceiling_share,
        "gain_over_single": best.gain_single.mean if best.gain_single else None,
        "gain_over_pooling": best.gain_pooling.mean if best.gain_pooling else None,
        "gain_over_linear": best.gain_linear.mean if best.gain_linear else None,
        "tied_with_best": len(d.top) - 1 if d.top else None,
    }
    return {name: round(value, 6) for name, value in numbers.items() if value is not None}


def metrics(analysis: Analysis) -> dict[str, Any]:
    """The few numbers for `dvc metrics show`: the best cell of each data set, and coverage."""
    total = analysis.total
    return {
        "trials": {"declared": total.declared, "done": total.done, "failed": total.bad, "pending": total.pending},
        "best": {d.name: _dataset_metrics(d) for d in analysis.datasets},
    }


def plots(analysis: Analysis) -> Iterator[tuple[str, pd.DataFrame]]:
    """Data for `dvc plots show`, by file name."""
    yield (
        "learning_curves",
        pd.DataFrame(
            [
                (c.dataset, c.kind, c.name, epoch, *values)
                for c in analysis.curves
                for epoch, values in enumerate(zip(c.median, c.low, c.high, strict=True), 1)
            ],
            columns=["dataset", "kind", "name", "epoch", "median", "low", "high"],
        ),
    )
    yield (
        "cost",
        pd.DataFrame(
            [
                (
                    d.name,
                    r.key,
                    r.method.role,
                    r.score.mean,
                    r.cost.parameters,
                    r.cost.flops,
                    r.cost.train_seconds,
                    r.cost.inference_us,
                    " ".join(r.pareto),
                )
                for d in analysis.datasets
                for r in d.rows
                if r.ranked and r.score and r.cost
            ],
            columns=[
                *(
                    "dataset",
                    "method",
                    "role",
                    "score",
                    "parameters",
                    "flops",
                    "train_seconds",
                    "inference_us",
                    "pareto",
                )
            ],
        ),
    )
    yield (
        "marginal_means",
        pd.DataFrame(
            [
                (t.dataset or "all", m.factor, m.level, m.score.mean, m.score.low, m.score.high)
                for t in effect_tables(analysis)
                for m in t.means
            ],
            columns=["dataset", "factor", "level", "mean", "low", "high"],
        ),
    )
    if analysis.aggregates.tables:
        yield (
            "profiles",
            pd.DataFrame(
                [
                    (t.factor, m.name, *values)
                    for t in analysis.aggregates.tables
                    for m in t.members
                    for values in zip(t.thresholds, m.profile, m.profile_low, m.profile_high, strict=True)
                ],
                columns=["factor", "level", "threshold", "share", "low", "high"],
            ),
        )
    if analysis.lengths:
        yield (
            "length",
            pd.DataFrame(
                [
                    (part.device, row.attention, *values)
                    for part in analysis.lengths
                    for row in part.rows
                    for values in zip(row.lengths, row.forward, row.training, row.memory, strict=True)
                ],
                columns=["device", "attention", "tokens", "forward_seconds", "training_seconds", "memory_bytes"],
            ),
        )


FOLDERS = ("tables", "figures", "plots")


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.8g", lineterminator="\n"))


def export(analysis: Analysis, folder: Path) -> tuple[str, ...]:
    """Write the files; `tables`, `figures` and `plots` in the folder are replaced whole, once all files are made.

    Equal analyses give equal bytes. Returns the paths written, relative to the folder, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as scratch:
        written = _write(analysis, Path(scratch))
        for name in (*FOLDERS, *(path for path in written if "/" not in path)):
            if name in FOLDERS:
                shutil.rmtree(folder / name, ignore_errors=True)
            (Path(scratch) / name).replace(folder / name)
    return written


def _write(analysis: Analysis, folder: Path) -> tuple[str, ...]:
    for name in FOLDERS:
        (folder / name).mkdir()
    written: list[str] = []

    def put(path: str, content: str | bytes) -> None:
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(path)

    all_tables = tables(analysis)
    drawn = tuple(figures(analysis))
    put("report.md", markdown.render(analysis, all_tables, [figure.name for figure in drawn]))
    for table in all_tables:
        put(f"tables/{table.name}.csv", _csv(table.raw))
        put(f"tables/{table.name}.md", markdown.whole(table))
        put(f"tables/{table.name}.tex", latex.table(table))
    put("tables/all.tex", latex.document(all_tables))
    for figure in drawn:
        put(f"figures/{figure.name}.svg", figure.svg)
        put(f"figures/{figure.name}.pdf", figure.pdf)
    for name, frame in plots(analysis):
        put(f"plots/{name}.csv", _csv(frame))
    put("metrics.json", json.dumps(metrics(analysis), indent=2, allow_nan=False) + "\n")
    parquet.write(analysis.frame, folder / "results.parquet")
    return (*written, "results.parquet")
