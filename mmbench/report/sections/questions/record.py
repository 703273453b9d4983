"""What is asked, and the differences that answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mmbench.report.scores.context import Context
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import listing, sentence
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


def withheld(question: Question, answered: str | None, brief: Sequence[str]) -> Question:
    """It, with no answer from data sets on which models were trained too briefly to be ranked.

    answered: the finding on the other data sets; None where there is none. brief: the data sets.
    """
    where = [name for name in brief if name in question.per_dataset]
    if not where:
        return question
    what = f"trained too briefly on {listing(where)} to say"
    finding = sentence(what) if answered is None else f"{answered}; {what}"
    caution = f"Differences on {listing(where)} are those so far, and may change as training goes on."
    return replace(question, finding=finding, sentences=(caution, *question.sentences))


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Those that the grid can answer."""

    context: Context = field(repr=False, compare=False)
    found: tuple[Question, ...]
