"""Shares of what is gained over a guess that are kept, by data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import Record
from mmbench.report.scores.measured import Compared, Number, compare, part, plain
from mmbench.report.values.cells import MAJORITY
from mmbench.report.values.scale import Scale
from mmbench.schema.quantity import subsets
from mmbench.stats.estimates import Estimate
from mmbench.stats.paired import estimate

LEAST = 0.02
"""Of the score: who gains less than that over a guess has nothing of which a share could be kept."""
SEVERITIES = 5
ALONE = "kept_alone_without_"
"""Of the name of a number that is of one modality; levels are not compared on it one by one."""


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """One data set.

    Attributes:
        dataset: Its name.
        modalities: Its modalities.
        scale: Of the main metric, in which subsets are scored.
        guess: What a constant guess scores.
        compared: Shares that are kept: without one modality, with one missing now and then, under noise.
        subsets: Of each method, its score with each subset of modalities, by their names joined by "+".
        controls: Of each modality, the score of a model with the best combination's attention that was trained on it
            alone.
        noise: Of each method, its score under noise: "image 1", ..., "all 5", and "clean".
        roles: Of the methods.
        seeds_words: What means and intervals are over.
        best: Key of the best combination.
        at_guess: No combination is surely better than a guess.
        cautions: What is to be kept in mind first.
    """

    dataset: str
    modalities: tuple[str, ...]
    scale: Scale
    guess: float
    compared: tuple[Compared, ...]
    subsets: Mapping[str, Mapping[str, Estimate]]
    controls: Mapping[str, Estimate]
    noise: Mapping[str, Mapping[str, Estimate]]
    roles: Mapping[str, str]
    seeds_words: str
    best: str | None
    at_guess: bool
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """What a constant guess scores on the samples of subsets, of rates and of noise; None where nobody knows."""

    subsets: float | None
    rates: float | None
    noise: float | None


def guesses_of(context: Context, dataset: str) -> Guesses:
    """Of the baseline that always says the same, on the same samples as models; else on the whole split."""
    whole = guess_of(context, dataset)
    rows = [r for r in context.records[dataset] if r.get("baseline") == MAJORITY and r["state"] == "done"]

    def known(values: Sequence[float | None]) -> float | None:
        found = [x for x in values if x is not None]
        return float(np.mean(found)) if found else whole

    last = [(r, len(own) - 1) for r in rows if (own := r.get("subset_scores")) is not None]
    return Guesses(
        subsets=known([part(r, "subset_scores", i) for r, i in last]),
        rates=known([part(r, "missing_rate_scores", 0) for r in rows]),
        noise=known([plain(r, "noise_score_clean") for r in rows]),
    )


def guess_of(context: Context, dataset: str) -> float | None:
    """The main metric of a guess: that of the baseline that always says the same, else what the data set says."""
    spec = context.specs[dataset]
    column = f"test_{spec.task.metric}"
    found = [
        r[column]
        for r in context.records[dataset]
        if r.get("baseline") == MAJORITY and r["state"] == "done" and r.get(column) is not None
    ]
    return float(np.mean(found)) if found else spec.chance


def _kept(score: float | None, whole: float | None, guess: float | None, least: float) -> float | None:
    """least: what is gained at least, with a minus where less is better."""
    if score is None or whole is None or guess is None or (whole - guess) / least < 1:
        return None
    return (score - guess) / (whole - guess)


def _mean_kept(values: Sequence[float | None], whole: float | None, guess: float | None, least: float) -> float | None:
    shares = [_kept(x, whole, guess, least) for x in values]
    known = [x for x in shares if x is not None]
    return float(np.mean(known)) if known and len(known) == len(shares) else None


def _numbers(modalities: tuple[str, ...], guesses: Guesses, least: float) -> list[Number]:
    sets = subsets(modalities)
    everything = len(sets) - 1
    count = len(modalities)

    def without(record: Record, names: Sequence[str]) -> float | None:
        if record["modalities"] != "+".join(modalities):
            return None
        lacking = [i for i, s in enumerate(sets) if len(s) == count - 1 and set(modalities) - set(s) <= set(names)]
        values = [part(record, "subset_scores", i) for i in lacking]
        return _mean_kept(values, part(record, "subset_scores", everything), guesses.subsets, least)

    def rates(record: Record) -> float | None:
        values = [part(record, "missing_rate_scores", i) for i in range(1, 6)]
        return _mean_kept(values, part(record, "missing_rate_scores", 0), guesses.rates, least)

    def noisy(record: Record) -> float | None:
        values = [part(record, "noise_scores_joint", i) for i in range(SEVERITIES)]
        return _mean_kept(values, plain(record, "noise_score_clean"), guesses.noise, least)

    made = []
    if count > 1:
        made.append(
            Number(name="kept_without_one", label="without one modality", of=partial(without, names=modalities))
        )
        made.append(Number(name="kept_at_rates", label="missing at random", of=rates))
    made.append(Number(name="kept_under_noise", label="under noise", of=noisy))
    if count > 1:
        made += [Number(name=f"{ALONE}{m}", label=f"without {m}", of=partial(without, names=(m,))) for m in modalities]
    return made


def robustness(context: Context, dataset: str) -> Robustness | None:
    """None where nothing was measured, or nobody knows what a guess scores."""
    guesses = guesses_of(context, dataset)
    # That of the samples of subsets, which are what is shown beside it.
    guess = guesses.subsets
    if guess is None:
        return None
    report = context.dataset(dataset)
    modalities = tuple(context.specs[dataset].modalities)
    scale = report.curve
    least = scale.oriented(LEAST * (1.0 if scale.unit == "points" else abs(guess) or 1.0))
    numbers = _numbers(modalities, guesses, least)
    found = [compare(context, dataset, n, contrasted=not n.name.startswith(ALONE)) for n in numbers]
    compared = tuple(x for x in found if x is not None and x.methods)
    table = _table(context, dataset, "subset_scores", ["+".join(s) for s in subsets(modalities)], modalities)
    if not compared and not table:
        return None
    attention = None if report.best is None else report.row(report.best).method.attention
    singles = {
        next(iter(own)): next(iter(own.values()))
        for key, own in table.items()
        if (method := report.row(key).method).role == "single" and method.attention == attention and len(own) == 1
    }
    names = [f"{m} {s}" for m in modalities for s in range(1, SEVERITIES + 1)]
    noise = _table(context, dataset, "noise_scores", names, modalities)
    joint = _table(context, dataset, "noise_scores_joint", [f"all {s}" for s in range(1, SEVERITIES + 1)], modalities)
    return Robustness(
        dataset=dataset,
        modalities=modalities,
        scale=scale,
        guess=guess,
        compared=() if report.scale.at_guess else compared,
        subsets=table,
        controls=singles,
        noise={key: {**own, **joint.get(key, {})} for key, own in noise.items()},
        roles={row.key: row.method.role for row in report.rows},
        seeds_words=context.seeds_words,
        best=report.best,
        at_guess=report.scale.at_guess,
        cautions=cautions(context, dataset),
    )


def _table(
    context: Context, dataset: str, quantity: str, names: Sequence[str], modalities: tuple[str, ...]
) -> dict[str, dict[str, Estimate]]:
    """Of each method in the order of rank, mean and interval of each number of a list, by name."""
    values: dict[str, dict[str, list[float]]] = {row.key: {} for row in context.dataset(dataset).rows}
    for record in context.records[dataset]:
        numbers = record.get(quantity)
        if record["state"] != "done" or numbers is None or record["method"] not in values:
            continue
        own = tuple(str(record["modalities"]).split("+"))
        said = _own_names(names, own, modalities)
        # A list of another length is of another version of the probe: nobody knows what its numbers are.
        for name, x in zip(said, numbers, strict=True) if len(said) == len(numbers) else ():
            values[record["method"]].setdefault(name, []).append(float(x))
    found = {}
    for key, own_values in values.items():
        means = {name: estimate(x, context.confidence) for name, x in own_values.items()}
        kept = {name: mean for name, mean in means.items() if mean is not None}
        if kept:
            found[key] = kept
    return found


def _own_names(names: Sequence[str], own: tuple[str, ...], modalities: tuple[str, ...]) -> list[str]:
    """Those that speak of a trial's own modalities, in order."""
    if own == modalities:
        return list(names)
    others = set(modalities) - set(own)
    return [n for n in names if not others & set(n.split(" ")[0].split("+"))]
