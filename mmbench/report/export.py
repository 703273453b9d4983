"""Everything but the page, written to a folder: Markdown, tables, figures, what papers take, the tidy results, DVC's
metrics and plots."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmbench.report.draw import latex
from mmbench.report.pages import markdown, paper
from mmbench.report.pages.report import Report
from mmbench.report.scores.context import Context
from mmbench.report.trials import parquet
from mmbench.schema.report_files import REPORT_FOLDERS

FOLDERS = REPORT_FOLDERS


def export(report: Report, folder: Path) -> tuple[str, ...]:
    """Write the files; the folders in it (`FOLDERS`) are replaced whole, once all files are made.

    Equal reports give equal bytes. Returns the paths written, relative to the folder, in order.
    """
    return _replace(folder, FOLDERS, lambda scratch: _write(report, scratch))


def export_paper(report: Report, folder: Path) -> tuple[str, ...]:
    """Only `paper`, with the bytes that `export` gives it."""
    return _replace(folder, ("paper",), lambda scratch: _write_paper(report, scratch))


def _replace(folder: Path, folders: Sequence[str], write: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as scratch:
        for name in folders:
            (Path(scratch) / name).mkdir()
        written = write(Path(scratch))
        for name in (*folders, *(path for path in written if "/" not in path)):
            if name in folders:
                shutil.rmtree(folder / name, ignore_errors=True)
            (Path(scratch) / name).replace(folder / name)
    return written


def verdicts_of(context: Context) -> dict[str, Any]:
    """Every verdict, and every method in the order of the report, as plain data: what `mmbench verdict` and MLflow
    show. over_all: contrasts over all data sets together."""
    return {
        "headline": context.headline,
        "date": context.date,
        "confidence": context.confidence,
        "partial": context.partial,
        "trained_too_briefly": dict(context.short),
        "verdicts": [v.plain() for v in context.verdicts],
        "over_all": [v.plain() for v in context.over_all],
        "methods": [row.plain(d.scale) for d in context.datasets for row in d.rows],
    }


def _write(report: Report, folder: Path) -> tuple[str, ...]:
    written: list[str] = []

    def put(path: str, content: str | bytes) -> None:
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(path)

    report.make_all()
    tables, figures = report.tables, report.figures
    put("report.md", markdown.render(report))
    texts = {path: text for part in report.parts for path, text in part.texts.items()}
    for path in (f"tables/{table.name}.{kind}" for table in tables for kind in ("csv", "md", "tex")):
        put(path, texts[path])
    put("tables/all.tex", latex.document(tables))
    for figure in figures:
        put(f"figures/{figure.name}.svg", figure.svg)
        put(f"figures/{figure.name}.pdf", figure.pdf)
    for path in (path for path in texts if path.startswith("plots/")):
        put(path, texts[path])
    put("verdicts.json", json.dumps(verdicts_of(report.context), indent=1, allow_nan=False) + "\n")
    put("metrics.json", json.dumps(report.metrics, indent=2, allow_nan=False) + "\n")
    parquet.write(report.context.frame, folder / "results.parquet")
    return (*written, *_write_paper(report, folder), "results.parquet")


def _write_paper(report: Report, folder: Path) -> tuple[str, ...]:
    written = []
    for name, content in paper.files(report):
        (folder / "paper" / name).write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(f"paper/{name}")
    return tuple(written)
