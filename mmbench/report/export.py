"""Everything but the page, written to a folder: Markdown, tables, figures, the tidy results, DVC's metrics and
plots."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from mmbench.report.draw.markdown import whole
from mmbench.report.pages import latex, markdown
from mmbench.report.pages.report import Report
from mmbench.report.trials import parquet

FOLDERS = ("tables", "figures", "plots")


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.8g", lineterminator="\n"))


def export(report: Report, folder: Path) -> tuple[str, ...]:
    """Write the files; `tables`, `figures` and `plots` in the folder are replaced whole, once all files are made.

    Equal reports give equal bytes. Returns the paths written, relative to the folder, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as scratch:
        written = _write(report, Path(scratch))
        for name in (*FOLDERS, *(path for path in written if "/" not in path)):
            if name in FOLDERS:
                shutil.rmtree(folder / name, ignore_errors=True)
            (Path(scratch) / name).replace(folder / name)
    return written


def _write(report: Report, folder: Path) -> tuple[str, ...]:
    for name in FOLDERS:
        (folder / name).mkdir()
    written: list[str] = []

    def put(path: str, content: str | bytes) -> None:
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(path)

    report.make_all()
    tables, figures = report.tables, report.figures
    put("report.md", markdown.render(report))
    for table in tables:
        put(f"tables/{table.name}.csv", _csv(table.raw))
        put(f"tables/{table.name}.md", whole(table))
        put(f"tables/{table.name}.tex", latex.table(table))
    put("tables/all.tex", latex.document(tables))
    for figure in figures:
        put(f"figures/{figure.name}.svg", figure.svg)
        put(f"figures/{figure.name}.pdf", figure.pdf)
    for part in report.parts:
        for name, frame in part.plots:
            put(f"plots/{name}.csv", _csv(frame))
    put("metrics.json", json.dumps(report.metrics, indent=2, allow_nan=False) + "\n")
    parquet.write(report.context.frame, folder / "results.parquet")
    return (*written, "results.parquet")
