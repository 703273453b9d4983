"""What cannot be concluded from this ledger, and where its numbers come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from mmbench.report.trials.frame import Results
from mmbench.report.values.analysis import Counts, DatasetReport, Provenance, Question, Source
from mmbench.report.values.words import count, interval, listing, percent
from mmbench.schema.params import Params

FEW_SEEDS = 5


def _coverage(total: Counts) -> list[str]:
    said = []
    if total.pending:
        said.append(
            f"This report is partial: {total.done} of {count(total.declared, 'declared trial')} done, "
            f"{total.pending} not run yet."
        )
    if total.bad:
        said.append(
            f"{count(total.bad, 'trial')} ended without a score (failed, diverged, out of time or out of memory). "
            "A method that is not done on every seed is shown with the seeds it has and takes no part in rankings and "
            "tests."
        )
    if total.skipped:
        said.append(f"{count(total.skipped, 'declared trial')} cannot be and were skipped, with their reasons.")
    return said


def source_words(source: Source) -> str:
    """`a/ledger: 120 trials on cpu x, cores 2, from 2026-11-20 to 2026-11-21`, and what was left out."""
    dates = {str(moment)[:10]: None for moment in (source.first, source.last)}
    said = f"{source.name}: {count(source.used, 'trial')} on {'; '.join(source.machines)}, {' to '.join(dates)}"
    if source.foreign:
        left = ", ".join(f"{n:,} {why}" for why, n in source.foreign.items())
        said += f"; left out, since the plan does not declare them: {left}"
    return said if source.curves else f"{said}; no learning curves, which a Parquet file does not hold"


def _merged(origin: Provenance) -> list[str]:
    if not origin.sources:
        return []
    said = [
        f"Merged from {count(len(origin.sources), 'source')}. " + ". ".join(map(source_words, origin.sources)) + "."
    ]
    if any(not source.curves for source in origin.sources):
        said.append("Learning curves show only the trials that came with curves.")
    return said


def _power(datasets: Sequence[DatasetReport], seeds: int, confidence: float) -> list[str]:
    said = []
    if seeds == 1:
        said.append("One seed: there are no intervals, and no two methods can be told apart.")
    elif seeds < FEW_SEEDS:
        said.append(
            f"{seeds} seeds: the interval of a single mean is wide (Student t with {seeds - 1} "
            f"degree{'s' if seeds > 2 else ''} of freedom). Comparisons pool the seed noise of a data set's methods "
            "and are sharper than those intervals suggest."
        )
    n = len(datasets)
    smallest = 2 / 2**n
    if n < 6:
        said.append(
            f"{count(n, 'data set')}: rank tests over data sets are withheld. The smallest p-value that a "
            f"Wilcoxon test could reach is {smallest:g}, so it could never fall below {1 - confidence:.2g}; six data "
            "sets are needed for one comparison, and more where several are adjusted for one another. Other data sets "
            "may rank the methods differently."
        )
    return said


def caveats(
    params: Params,
    total: Counts,
    datasets: Sequence[DatasetReport],
    questions: Sequence[Question],
    frame: pd.DataFrame,
    why_ranks: str | None,
    origin: Provenance,
) -> tuple[str, ...]:
    """In order of weight. why_ranks: why scores are not averaged over data sets, where they are not."""
    said = _coverage(total) + _merged(origin) + _power(datasets, params.grid.seeds, params.report.confidence)
    if why_ranks:
        said.append(f"Over all data sets ranks are compared, not scores: {why_ranks}.")
    said += [f"Left out of the questions: {listing(q.dropped)}." for q in questions if q.dropped]
    extremes = {d.scale.extreme for d in datasets}
    best = extremes.pop() if len(extremes) == 1 else "best"
    said.append(
        f"The best cell is the one with the {best} mean on the test split, so its own score is flattered by the "
        "choice, the more so the more cells and the fewer seeds there are; the tie groups allow for it. Epochs are "
        "chosen on validation, and the test split is read "
        "once a trial."
    )
    said.append(
        f"{_equal(datasets, params.report.rope)} "
        "p-values are adjusted with Holm's method within each family of comparisons, "
        f"at {100 * params.report.confidence:g} % confidence."
    )
    said.append(_sizes(params.model.match_params))
    said.append(
        "FLOPs count matrix products only (elementwise work is left out), so they are a lower bound. Times were taken "
        "while trials shared the machine: compare them roughly, and only on one kind of hardware. Peak memory on a "
        "CPU is that of the whole process."
    )
    if origin.timed_on:
        said.append(
            "The trials ran on different hardware. Times and memory are compared among those of the hardware on which "
            f"most ran ({origin.timed_on}); a method that did not run there has none."
        )
    for operation, trials in origin.unrepeatable.items():
        said.append(
            f"{count(trials, 'trial')} used {operation}, which the GPU does not repeat bit by bit: run again, their "
            "numbers may differ a little."
        )
    if (frame["role"] == "baseline").any():
        said.append("The baselines are deterministic: one run each, no interval.")
    said += _samples(datasets)
    said += [x for d in datasets for x in _noisy_ties(d)]
    if total.done:
        said += [x for d in datasets for x in _imbalance(d)]
    said += [x for d in datasets for x in _data(d)]
    if any(d.ceiling is None for d in datasets):
        names = [d.name for d in datasets if d.ceiling is None]
        said.append(f"No ceiling is known for {listing(names)}.")
    return tuple(said)


def _equal(datasets: Sequence[DatasetReport], rope: float) -> str:
    """What counts as equal, scale by scale."""
    points = any(d.scale.unit == "points" for d in datasets)
    unknown = []
    parts = [f"within {100 * rope:g} point{'s' if rope != 0.01 else ''}"] if points else []
    for d in datasets:
        scale = d.scale
        if scale.unit == "points":
            continue
        if scale.high is not None:
            parts.append(f"within {scale.rope:g} of {scale.label} on {d.name}")
        elif scale.guess is not None:
            parts.append(
                f"within {scale.rope:.2g} of {scale.label} on {d.name} ({100 * rope:g} % of what a guess without the "
                f"input scores, {scale.number(scale.guess)})"
            )
        else:
            unknown.append(d.name)
    said = [f"Differences {', '.join(dict.fromkeys(parts))} count as equal."] if parts else []
    if unknown:
        said.append(
            f"On {listing(unknown)} no difference counts as equal, since it is not known what a guess without the "
            "input scores."
        )
    return " ".join(said)


def _samples(datasets: Sequence[DatasetReport]) -> list[str]:
    """What intervals over seeds leave out: another draw of the test split."""
    if not datasets:
        return []
    said = (
        "Intervals are over seeds, on one test split. How far a score would move on other samples of the same kind is "
        "not in them; paired comparisons feel less of it, since all methods see the same samples"
    )
    parts = []
    for d in datasets:
        best = next((r.score for r in d.cells if r.best), None)
        if best is not None and d.scale.metric == "accuracy":
            half = 196 * (best.mean * (1 - best.mean) / d.splits["test"]) ** 0.5
            parts.append(
                f"about ±{half:.1f} points at {d.scale.number(best.mean)} on the {d.splits['test']:,} of {d.name}"
            )
    return [f"{said} ({listing(parts, most=5)})." if parts else f"{said}."]


def _noisy_ties(d: DatasetReport) -> list[str]:
    """Cells in the tie group of the best below cells that are not in it: too noisy to tell, not as good."""
    ranked = [(d.scale.oriented(r.score.mean), r) for r in d.cells if r.ranked and r.score]
    outside = [quality for quality, r in ranked if r.in_top is False]
    low = [(quality, r) for quality, r in ranked if r.in_top and outside and quality < max(outside)]
    if not low:
        return []
    _, worst = min(low, key=lambda x: x[0])
    return [
        f"{d.name}: {count(len(low), 'cell')} of the top tie group {'has' if len(low) == 1 else 'have'} a worse mean "
        f"than cells outside it, the worst {worst.key} ({interval(worst.score, d.scale)}). Their seeds differ too much "
        "to tell them from the best: that is no sign that they are as good."
    ]


def _imbalance(d: DatasetReport) -> list[str]:
    """Where the most frequent class alone explains much of an accuracy."""
    noun = d.targets.split()[-1]
    baseline = next((r for r in d.controls if r.method.baseline == "majority"), None)
    if noun != "classes" or baseline is None or "accuracy" not in baseline.metrics:
        return []
    most, classes = baseline.metrics["accuracy"].mean, int(d.targets.split()[0].replace(",", ""))
    if most < min(2 / classes, (1 + 1 / classes) / 2):
        return []
    return [
        f"{d.name}: the most frequent class is {percent(most)} of the test split (if all were equally frequent: "
        f"{percent(1 / classes)}). Accuracy starts from there; read balanced accuracy or macro-F1 beside it."
    ]


def _data(d: DatasetReport) -> list[str]:
    """What the data set itself brings along: missing modalities, and what was accepted when it was prepared."""
    said = []
    if d.missing:
        parts = [f"{percent(share)} of the samples lack {name}" for name, share in d.missing.items()]
        said.append(
            f"{d.name}: {listing(parts, most=9)}. A missing modality is masked, in training and on test; the "
            "single-modality controls run on the samples that lack it, too."
        )
    return said + [f"{d.name}: {note.rstrip('.')}." for note in d.notes]


def _sizes(matched: bool) -> str:
    if matched:
        return (
            "Cells have about equally many parameters: widths were scaled (and, where that was too coarse, hidden "
            "units of MLPs or heads) until any two trained models on one data set agree within 10 %. Depth, heads and "
            "training budget are the same, and none was tuned: a difference is one of the combination at this number "
            "of parameters and budget."
        )
    return (
        "All cells share one width, depth and training budget, none was tuned, and their numbers of parameters differ: "
        "a difference is one of the combination at this size and budget."
    )


def provenance(params: Params, frame: pd.DataFrame, results: Results, hashes: Mapping[str, str]) -> Provenance:
    """Of the results that the plan holds. No clock and no environment is read."""
    found = [results[i] for i in frame["trial_id"].dropna() if i in results]
    found.sort(key=lambda r: (r.started, r.trial_id))
    versions: dict[str, set[str]] = {}
    hardware = set()
    for r in found:
        for package, version in r.provenance.versions.items():
            versions.setdefault(package, set()).add(version)
        facts = r.provenance.hardware.items()
        hardware.add(", ".join(f"{k} {v}" for k, v in facts if v is not None))
    dirty = [r.provenance.dirty for r in found if r.provenance.dirty is not None]
    size, train = params.model.size.model_dump(), params.train.model_dump()
    if params.model.match_params:
        size["width"] = f"{params.model.width} before parameters were matched"
    return Provenance(
        commits=tuple(dict.fromkeys(r.provenance.commit for r in reversed(found) if r.provenance.commit)),
        dirty=any(dirty) if dirty else None,
        data_hashes=dict(hashes),
        versions={package: tuple(sorted(versions[package])) for package in sorted(versions)},
        hardware=tuple(sorted(hardware)),
        seeds=tuple(sorted({r.config.seed for r in found})),
        hours=sum(r.seconds for r in found) / 3600,
        fingerprints=int(frame["fingerprint"].nunique()),
        first=found[0].started if found else None,
        last=found[-1].started if found else None,
        budget={k: "–" if v is None else str(v) for k, v in (size | train).items()},
        unrepeatable=dict(sorted(Counter(r.unrepeatable for r in found if r.unrepeatable).items())),
    )
