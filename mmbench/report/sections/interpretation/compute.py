"""Methods of relevance against one another, and attention mechanisms by what their weights show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import Record
from mmbench.report.scores.measured import Compared, Number, compare, part, plain
from mmbench.report.scores.seed_means import seed_means
from mmbench.report.sections.interpretation.record import Interpretation, Judge, Picture
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import POOLING
from mmbench.schema.relevance import AGREEING, FAITHFUL, METHODS, RATED, TITLES
from mmbench.schema.relevance_map import decode
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Estimate

MARGIN = 0.02
"""Differences within it are equal, of numbers from 0 to 1."""

AGREED = AGREEING.index("integrated_gradients")

_BETTER = {"comprehensiveness": True, "sufficiency": False, "deletion": False, "insertion": True}

JUDGES = (
    *(
        Judge(
            name=name,
            label=name,
            quantity="plausibility",
            part=i,
            higher=None if "fresh" in name else True,
        )
        for i, name in enumerate(RATED)
    ),
    Judge(name="sanity", label="rank correlation with fresh weights", quantity="sanity", part=None, higher=False),
    *(
        Judge(name=name, label=name, quantity="faithfulness", part=i, higher=_BETTER[name.split(",")[0]])
        for i, name in enumerate(FAITHFUL)
    ),
)
DECIDING = ("AUROC", "comprehensiveness, masked", "comprehensiveness, swapped")
"""Judges, of each of which more is better, by which attention weights are held against each other method."""


def value(record: Record, judge: Judge, method: str) -> float | None:
    """A judge's number of a trial."""
    name = f"{judge.quantity}_{method}"
    return plain(record, name) if judge.part is None else part(record, name, judge.part)


def find_interpretations(context: Context) -> tuple[Interpretation, ...] | None:
    """Of the data sets on which relevance was measured; None where it was on none."""
    found = (_of_dataset(context, d) for d in context.datasets)
    return tuple(x for x in found if x is not None) or None


def _of_dataset(context: Context, d: DatasetReport) -> Interpretation | None:
    done = [r for r in context.records[d.name] if r["state"] == "done" and r["role"] == "cell"]
    measured = [r for r in done if any(value(r, j, m) is not None for j in JUDGES for m in METHODS)]
    if not measured:
        return None
    attending = [r for r in measured if r["attention"] != POOLING and _has_weights(r)]
    trials = attending or measured
    judges = tuple(j for j in JUDGES if any(value(r, j, m) is not None for r in trials for m in METHODS))
    known = {r["attention"] for r in measured if _has_weights(r)}
    return Interpretation(
        dataset=d.name,
        judges=judges,
        judged=_judged(trials, judges, context.confidence),
        trials=seed_means((r, 1.0) for r in trials).trials,
        attends=bool(attending),
        differences=tuple(_differences(attending, judges, context.confidence)),
        agreement=paired.estimate(
            seed_means((r, part(r, "attention_agreement", AGREED)) for r in trials).means, context.confidence
        ),
        compared=tuple(_compared(context, d.name)),
        undefined=tuple(a for a in context.levels["attention"] if a not in known and _tried(measured, a)),
        modalities={m: context.specs[d.name].modalities[m] for m in d.modalities},
        pictures=tuple(_pictures(context, d)),
        cautions=cautions(context, d.name),
    )


def _has_weights(record: Record) -> bool:
    """Of pooling all tokens weigh the same, so that nothing correlates with them."""
    return any(
        record.get(f"{quantity}_attention") is not None for quantity in ("sanity", "plausibility", "faithfulness")
    )


def _tried(records: Sequence[Record], attention: str) -> bool:
    return attention != POOLING and any(r["attention"] == attention for r in records)


def _judged(
    trials: Sequence[Record], judges: Sequence[Judge], confidence: float
) -> Mapping[str, Mapping[str, Estimate]]:
    found: dict[str, dict[str, Estimate]] = {}
    for method in METHODS:
        for judge in judges:
            mean = paired.estimate(seed_means((r, value(r, judge, method)) for r in trials).means, confidence)
            if mean is not None:
                found.setdefault(method, {})[judge.name] = mean
    return found


def _differences(
    trials: Sequence[Record], judges: Sequence[Judge], confidence: float
) -> Iterator[tuple[Judge, Difference]]:
    """Attention weights minus each other method, trial by trial, over seeds; Holm's p over the methods of a judge."""
    for judge in judges:
        if judge.name in DECIDING:
            made = [x for m in METHODS[1:] if (x := _difference(trials, judge, m, confidence)) is not None]
            adjusted = iter(paired.holm([d.p for d in made if d.p is not None]).tolist())
            for d in made:
                p = None if d.p is None else next(adjusted)
                verdict = paired.verdict(d.mean, d.near, p, confidence, MARGIN)
                yield judge, replace(d, p_holm=p, verdict=verdict)


def _difference(trials: Sequence[Record], judge: Judge, method: str, confidence: float) -> Difference | None:
    pairs = [(r, value(r, judge, METHODS[0]), value(r, judge, method)) for r in trials]
    both = [(r, a - b) for r, a, b in pairs if a is not None and b is not None]
    if not both:
        return None
    found = seed_means(both)
    x = np.array(found.means)
    mean, half, near, p = float(x.mean()), None, None, None
    if len(x) > 1:
        error = np.array([x.var(ddof=1) / len(x)])
        tested = paired.test(np.array([mean]), error, float(len(x) - 1), confidence)
        half, near, p = (float(t[0]) for t in (tested.half, tested.near, tested.p))
    return Difference(
        subject=METHODS[0],
        reference=method,
        mean=mean,
        half=half,
        near=near,
        pairs=found.trials,
        n=len(x),
        p=p,
        p_holm=p,
        verdict="open",
    )


def _compared(context: Context, dataset: str) -> Iterator[Compared]:
    """AUROC where evidence is known; comprehensiveness where that was measured, else how far attention agrees."""

    def number(name: str, label: str, quantity: str, index: int, low: float, guess: float | None = None) -> Number:
        return Number(
            name=name, label=label, of=lambda r: part(r, quantity, index), margin=MARGIN, low=low, high=1.0, guess=guess
        )

    wanted = [
        number(f"auroc_{m}", f"AUROC of {TITLES[m]}", f"plausibility_{m}", 0, 0.0, 0.5)
        for m in ("attention", "integrated_gradients")
    ]
    index = FAITHFUL.index("comprehensiveness, masked")
    wanted += [
        number(f"comprehensiveness_{m}", f"comprehensiveness of {TITLES[m]}", f"faithfulness_{m}", index, -1.0)
        for m in ("attention", "integrated_gradients")
    ]
    found = [c for n in wanted if (c := compare(context, dataset, n)) is not None]
    if not found:
        label = "agreement of attention weights with integrated gradients"
        found = [
            c
            for n in [number("agreement", label, "attention_agreement", AGREED, -1.0)]
            if (c := compare(context, dataset, n)) is not None
        ]
    yield from found


def _pictures(context: Context, d: DatasetReport) -> Iterator[Picture]:
    """Of the best combination, the best that pools, unless that is it, and the best of another mechanism."""
    kept: dict[str, Record] = {}
    for r in context.records[d.name]:
        if r["state"] == "done" and r["role"] == "cell" and r.get("relevance_maps") is not None:
            kept.setdefault(r["method"], r)
    ranked = [row for row in d.rows if row.method.role == "cell" and row.key in kept]
    if not ranked:
        return
    best = ranked[0]
    pools = best.method.attention == POOLING
    wanted = {best.key: "the best combination, without attention" if pools else "the best combination"}
    for row in ranked:
        if not pools and row.method.attention == POOLING and "the best without attention" not in wanted.values():
            wanted.setdefault(row.key, "the best without attention")
        other = row.method.attention not in (POOLING, best.method.attention)
        if other and "the best with another attention" not in wanted.values():
            wanted.setdefault(row.key, "the best with another attention")
    for key, why in wanted.items():
        numbers = [float(x) for x in kept[key]["relevance_maps"]]
        # Maps of another version cannot be read.
        with suppress(ValueError):
            samples = decode(numbers) if all(map(math.isfinite, numbers)) else ()
            if samples and all(len(s.modalities) == len(context.specs[d.name].modalities) for s in samples):
                yield Picture(method=key, why=why, samples=samples)
