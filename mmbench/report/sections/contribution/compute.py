"""Shares of modalities, interactions and imbalance, by data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import fmean

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import Record
from mmbench.report.scores.measured import Compared, Number, compare, plain

LEAST = 0.02
"""Of the score: where less is gained over a guess, there is nothing to share out."""


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """One data set.

    Attributes:
        dataset: Its name.
        modalities: Its modalities.
        compared: Each modality's share, the mean interaction of two, the imbalance.
        carriers: Modalities that carry the label, where the data set says so.
        seeds_words: What means and intervals are over.
        best: Key of the best combination.
        at_guess: No combination is surely better than a guess.
        cautions: What is to be kept in mind first.
    """

    dataset: str
    modalities: tuple[str, ...]
    compared: tuple[Compared, ...]
    carriers: tuple[str, ...]
    seeds_words: str
    best: str | None
    at_guess: bool
    cautions: tuple[str, ...] = ()

    def share(self, modality: str) -> Compared | None:
        return next((x for x in self.compared if x.number.name == f"share_{modality}"), None)

    def named(self, name: str) -> Compared | None:
        return next((x for x in self.compared if x.number.name == name), None)


def _share(record: Record, index: int, count: int, least: float) -> float | None:
    values = record.get("shapley")
    if values is None or len(values) != count:
        return None
    total = float(sum(values))
    return float(values[index]) / total if total >= least else None


def _imbalance(record: Record, count: int, least: float) -> float | None:
    """None where too little is gained to be shared out, as of shares."""
    values = record.get("shapley")
    if values is None or len(values) != count or float(sum(values)) < least:
        return None
    return plain(record, "imbalance")


def _interaction(record: Record, count: int) -> float | None:
    values = record.get("interaction")
    return None if values is None or len(values) != count * (count - 1) // 2 else fmean(map(float, values))


def contributions(context: Context, dataset: str) -> Contributions | None:
    """None where nothing was measured."""
    spec = context.specs[dataset]
    names = tuple(spec.modalities)
    report = context.dataset(dataset)
    scale = report.curve
    # Contributions are turned, so that more is better, in units of the metric: an error's gain is a part of a guess's.
    least = LEAST * (1.0 if scale.unit == "points" else abs(scale.guess or spec.chance or 1.0))
    numbers = [
        Number(
            name=f"share_{m}",
            label=f"share of {m}",
            of=partial(_share, index=i, count=len(names), least=least),
            margin=0.05,
            neutral=True,
        )
        for i, m in enumerate(names)
    ]
    numbers.append(
        Number(
            name="interaction",
            label="mean interaction of two",
            of=partial(_interaction, count=len(names)),
            margin=scale.rope,
            decimals=scale.decimals,
            neutral=True,
        )
    )
    unequal = partial(_imbalance, count=len(names), least=least)
    numbers.append(Number(name="imbalance", label="imbalance", of=unequal, higher=False, low=0, high=1))
    found = [compare(context, dataset, n, contrasted=not n.name.startswith("share_")) for n in numbers]
    compared = tuple(x for x in found if x is not None and x.methods)
    if not compared:
        return None
    return Contributions(
        dataset=dataset,
        modalities=names,
        compared=() if report.scale.at_guess else compared,
        carriers=tuple(spec.carriers),
        seeds_words=context.seeds_words,
        best=report.best,
        at_guess=report.scale.at_guess,
        cautions=cautions(context, dataset),
    )
