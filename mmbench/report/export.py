"""Everything but the page, written to a folder: Markdown, tables, figures, what papers take, the tidy results, DVC's
metrics and plots."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmbench.report.draw import latex
from mmbench.report.pages import markdown, paper
from mmbench.report.pages.report import Report
from mmbench.report.scores.context import Context
from mmbench.report.trials import parquet
from mmbench.schema.report_files import REPORT_FOLDERS

FOLDERS = REPORT_FOLDERS


PAGE = "report.html"
_SCRATCH = ".report."
_ABANDONED_S = 3600.0
"""How old a scratch folder is that a killed process left."""

Page = Callable[[tuple[str, ...]], str]
"""The files beside it -> the page."""


def export(report: Report, folder: Path, page: Page | None = None) -> tuple[str, ...]:
    """Write the files and, where asked, the page; all take their places, and the folders (`FOLDERS`) whole, once
    everything is made. Until then, and where that fails, the last report is as it was.

    Equal reports give equal bytes. Returns the paths written, relative to the folder, in order; the page is the last.
    """

    def write(scratch: Path) -> tuple[str, ...]:
        files = _write(report, scratch)
        if page is None:
            return files
        (scratch / PAGE).write_text(page(files), encoding="utf-8")
        return (*files, PAGE)

    return _replace(folder, FOLDERS, write)


def export_paper(report: Report, folder: Path) -> tuple[str, ...]:
    """Only `paper`, with the bytes that `export` gives it."""
    return _replace(folder, ("paper",), lambda scratch: _write_paper(report, scratch))


def _replace(folder: Path, folders: Sequence[str], write: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
        made, before = Path(scratch) / "new", Path(scratch) / "old"
        for name in (".", *folders):
            (made / name).mkdir(parents=True)
        before.mkdir()
        written = write(made)
        with _one_at_a_time(folder):
            for name in folders:
                if (folder / name).exists():
                    (folder / name).rename(before / name)
                (made / name).rename(folder / name)
            for name in (path for path in written if "/" not in path):
                (made / name).replace(folder / name)
    return written


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Of several reports that are ready at once, one after the other takes its place. A lock on the folder leaves no
    file behind; Windows has none."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems lock no folders.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


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
