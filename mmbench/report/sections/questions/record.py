"""What is asked, and the differences that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmbench.report.scores.context import Context
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class Question:
    """One of the article's questions. per_dataset: differences by data set; overall: the mean over
    these data sets, with an interval that combines theirs; empty for what differs by design.

    scales: of per_dataset, by data set; scale: of overall. name: "attention" (each mechanism against `mean`), "fusion"
    (families pairwise), "architecture" (pairwise), "multimodal" (best cell, and each fusion, against the best single
    modality). finding: a heading that states the answer; sentences: one per data set or pair. dropped: what could not
    be paired, in words.
    """

    name: str
    title: str
    finding: str
    sentences: tuple[str, ...]
    per_dataset: Mapping[str, tuple[Difference, ...]]
    overall: tuple[Difference, ...]
    scales: Mapping[str, Scale]
    scale: Scale
    dropped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Those that the grid can answer."""

    context: Context = field(repr=False, compare=False)
    found: tuple[Question, ...]
