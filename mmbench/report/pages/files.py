"""The report's other files inside the page: it can be mailed alone, and every table and figure is still at hand."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmbench.report.pages.report import Report

ROOM = 1_500_000
"""Bytes in the page that the files may take, compressed and as text."""
ORDER = (".csv", ".tex", ".svg", ".pdf", ".md")
"""What comes into the page first, as long as there is room."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """inside: path -> content, gzipped, base64. listed: by name, each format with its path and whether it is inside."""

    inside: Mapping[str, str]
    listed: tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]

    @property
    def outside(self) -> tuple[str, ...]:
        """Paths of files that are only in the folder of the report."""
        return tuple(path for _, formats in self.listed for _, path, inside in formats if not inside)


def _contents(report: Report, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Of tables, figures and plots, by path. Figures are drawn where one of them is wanted: it takes seconds."""
    for part in report.parts:
        yield from ((path, text.encode()) for path, text in part.texts.items())
    if not any(path.startswith("figures/") for path in wanted):
        return
    for figure in report.figures:
        yield f"figures/{figure.name}.svg", figure.svg
        yield f"figures/{figure.name}.pdf", figure.pdf


def embed(report: Report, paths: Iterable[str]) -> Files:
    """paths: of all files beside the page. Tables and figures are put into it, what people ask for most first, until
    `ROOM` is used up."""
    wanted = sorted(paths)
    known = {path: content for path, content in _contents(report, wanted) if path in wanted}
    inside, left = {}, ROOM
    for path in sorted(known, key=_importance):
        # Without a time stamp: equal reports give equal bytes.
        text = base64.b64encode(gzip.compress(known[path], mtime=0)).decode()
        if len(text) <= left:
            inside[path] = text
            left -= len(text)
    stems: dict[str, list[tuple[str, str, bool]]] = {}
    for path in wanted:
        pure = PurePosixPath(path)
        kind = pure.suffix.lstrip(".").upper() or "file"
        stems.setdefault(str(pure.with_suffix("")), []).append((kind, path, path in inside))
    return Files(inside=inside, listed=tuple((stem, tuple(formats)) for stem, formats in stems.items()))


def _importance(path: str) -> tuple[bool, int, str]:
    suffix = PurePosixPath(path).suffix
    return path.startswith("plots/"), ORDER.index(suffix) if suffix in ORDER else len(ORDER), path
