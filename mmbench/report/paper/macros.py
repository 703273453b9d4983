r"""Numbers as LaTeX macros: `\mmbHybridMinusShared`. Names are built from the names in params.yaml, so that the same
number has the same name in every run, whoever is ahead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from mmbench.report.draw import latex
from mmbench.report.scores.choices import AxisChoices
from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import turned
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count
from mmbench.stats.estimates import Difference

PREFIX = "mmb"
MANY = 8
"""Levels of an axis beyond which not every two of them have macros, but the first in params.yaml with each other, and
the best one."""
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")

_HEAD = r"""% Numbers of this run: \input{paper/numbers}, then write \mmbHybridMinusShared{} (the braces keep the space
% behind it). NAME: the estimate; NAMEHalf: the half width of its interval; NAMEInterval: both with the unit;
% NAMEVerdict: better, worse, equal or open. A name that begins with a data set is of that data set, others of all.
"""


def camel(name: str) -> str:
    """Letters only: `scaled_dot_product` -> `ScaledDotProduct`, `local(window=8)` -> `LocalWindowEight`."""
    plain = unicodedata.normalize("NFKD", name)
    words = re.findall(r"[A-Za-z]+|[0-9]", plain)
    return "".join(_DIGITS[int(w)] if w.isdigit() else w[0].upper() + w[1:] for w in words) or "X"


def numbers(context: Context) -> str:
    """numbers.tex."""
    taken: set[str] = set()
    lines = []
    for name, value in _all(context):
        # Two names may differ in what is no letter: the second of them is told by another letter.
        unique = name
        while unique in taken:
            unique += "X"
        taken.add(unique)
        lines.append(f"\\newcommand{{\\{PREFIX}{unique}}}{{{value}}}")
    return _HEAD + "\n".join(lines) + "\n"


def _all(context: Context) -> Iterator[tuple[str, str]]:
    yield from _run(context)
    several = len(context.datasets) > 1
    if context.has_all or not several:
        yield from _contrasts("", context, None)
    for d in context.datasets:
        yield from _dataset(camel(d.name), context, d)
        if several:
            yield from _contrasts(camel(d.name), context, d.name)


def _run(context: Context) -> Iterator[tuple[str, str]]:
    """Of the whole run."""
    combinations = sum(m.role == "cell" for m in context.methods.values())
    found = {
        "Version": " / ".join(context.provenance.versions.get("mmbench", ())),
        "Commit": context.commit[:10] if context.commit else "",
        "Date": context.date or "",
        "DataSets": f"{len(context.datasets):,}",
        "Combinations": f"{combinations:,}",
        "Trials": f"{context.total.declared:,}",
        "TrialsDone": f"{context.total.done:,}",
        "Seeds": context.seeds_told,
        "Confidence": f"{100 * context.confidence:g} %",
        "Margin": context.rope_words.removeprefix("±"),
    }
    yield from ((name, latex.prose(text)) for name, text in found.items() if text)


def _contrasts(prefix: str, context: Context, scope: str | None) -> Iterator[tuple[str, str]]:
    found = context.scopes.get(scope)
    if found is None:
        return
    for axis in found.axes:
        for d in _told(axis, context.levels[axis.axis]):
            for side in (d, turned(d)):
                name = f"{prefix}{camel(side.subject)}Minus{camel(side.reference)}"
                yield from _difference(name, side, found.scale)


def _told(axis: AxisChoices, levels: tuple[str, ...]) -> Iterator[Difference]:
    """Every two levels; of many, those with the first in params.yaml or the best."""
    for c in axis.pairs:
        sides = {c.found.subject, c.found.reference}
        if len(levels) <= MANY or sides & {levels[0], axis.levels[0]}:
            yield c.found


def _difference(name: str, d: Difference, scale: Scale) -> Iterator[tuple[str, str]]:
    estimate = scale.change(d.mean)
    yield name, latex.prose(estimate)
    unit = scale.unit_words or f" of {scale.label}"
    if d.half is None:
        yield f"{name}Interval", latex.prose(estimate + unit)
        return
    half = scale.width(d.half)
    yield f"{name}Half", latex.prose(half)
    yield f"{name}Interval", latex.prose(f"{estimate} ± {half}{unit}")
    yield f"{name}Verdict", d.verdict


def _dataset(prefix: str, context: Context, d: DatasetReport) -> Iterator[tuple[str, str]]:
    """Sizes, training and the best of one data set."""
    for split, samples in d.splits.items():
        yield f"{prefix}{camel(split)}Samples", f"{samples:,}"
    training = next((t for t in context.training if t.dataset == d.name), None)
    if training is not None:
        known = {"Steps": training.steps, "Epochs": training.epochs}
        yield from ((f"{prefix}{name}", f"{value:,}") for name, value in known.items() if value is not None)
        if training.learning_rate is not None:
            yield f"{prefix}LearningRate", f"{training.learning_rate:g}"
    named = {"Best": d.best, "Single": d.single}
    for name, key in named.items():
        if key is not None:
            yield from _row(f"{prefix}{name}", d.row(key), d.scale)
    for row in d.controls:
        if row.method.baseline is not None:
            yield from _row(f"{prefix}{camel(row.method.baseline)}", row, d.scale)


def _row(name: str, row: CellRow, scale: Scale) -> Iterator[tuple[str, str]]:
    yield name, latex.prose(titles.method(row.method))
    if row.score is None:
        return
    yield f"{name}Score", latex.prose(scale.number(row.score.mean))
    if row.score.half is not None:
        yield f"{name}ScoreHalf", latex.prose(scale.number(row.score.half))
        yield f"{name}ScoreSeeds", count(row.score.n, "seed")
