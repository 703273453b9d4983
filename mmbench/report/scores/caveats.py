"""What cannot be concluded from this ledger, and where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.provenance import Provenance, source_words
from mmbench.report.values.words import count, interval, listing, percent
from mmbench.schema.params import Grid, Params
from mmbench.schema.quantity import QUANTITIES

FEW_SEEDS = 5


def _coverage(total: Counts) -> list[str]:
    found = []
    if total.pending:
        found.append(
            f"This report is partial: {total.done} of {count(total.declared, 'declared trial')} done, "
            f"{total.pending} not run yet."
        )
    if total.bad:
        found.append(
            f"{count(total.bad, 'trial')} ended without a score (failed, diverged, out of time or out of memory). "
            "A method that lacks some seeds is shown with those it has, and is left out of rankings and "
            "tests."
        )
    if total.skipped:
        found.append(
            f"{count(total.skipped, 'declared trial')} were skipped as impossible; Coverage gives the reasons."
        )
    return found


def _unmeasured(lacking: Mapping[str, int]) -> list[str]:
    if not lacking:
        return []
    names = listing([f"{name} ({number:,})" for name, number in lacking.items()], most=30)
    return [
        f"Finished trials lack measurements, or have them by other code than this: {names}. The next dvc repro makes "
        "them and trains nothing again."
    ]


def _caveats_of_merging(origin: Provenance) -> list[str]:
    if not origin.sources:
        return []
    found = [
        f"Merged from {count(len(origin.sources), 'source')}. " + ". ".join(map(source_words, origin.sources)) + "."
    ]
    if any(not source.curves for source in origin.sources):
        found.append("Learning curves show only the trials that came with curves.")
    return found


def _power(datasets: Sequence[DatasetReport], grid: Grid, confidence: float) -> list[str]:
    found, seeds = [], grid.least_seeds
    start = f"{seeds} seeds, as some methods have: the" if grid.race else f"{seeds} seeds: the"
    if seeds == 1:
        found.append("One seed: there are no intervals, and nothing is decided.")
    elif seeds < FEW_SEEDS:
        found.append(
            f"{start} interval of a single mean is wide (Student t with {seeds - 1} "
            f"degree{'s' if seeds > 2 else ''} of freedom). Comparisons pool the seed noise of a data set's methods "
            "and are sharper than those intervals suggest."
        )
    n = len(datasets)
    smallest = 2 / 2**n
    if n < 6:
        found.append(
            f"{count(n, 'data set')}: rank tests over data sets are withheld. The smallest p-value that a "
            f"Wilcoxon test could reach is {smallest:g}, so it could never fall below {1 - confidence:.2g}; six data "
            "sets are needed for one comparison, and more where several are adjusted for one another. Other data sets "
            "may rank the methods differently."
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """What cannot be concluded. order: of weight, ascending; 20 is for what single sections leave out."""

    text: str
    order: int = 20


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the caveats of a whole report depend on.

    Attributes:
        unmeasured: By metric and probe, how many finished trials lack it.
        why_ranks: Why scores are not averaged over data sets, if so.
    """

    params: Params
    total: Counts
    unmeasured: Mapping[str, int]
    datasets: Sequence[DatasetReport]
    baselines: bool
    why_ranks: str | None
    origin: Provenance


def caveats(facts: Facts) -> tuple[Caveat, ...]:
    """Of the report as a whole; sections add their own."""
    params, datasets = facts.params, facts.datasets
    first = _coverage(facts.total) + _unmeasured(facts.unmeasured) + _caveats_of_merging(facts.origin)
    first += _power(datasets, params.grid, params.report.confidence)
    if facts.why_ranks:
        first.append(f"Over all data sets ranks are compared, not scores: {facts.why_ranks}.")
    rest = [*_choices(params, datasets), *_costs(facts.origin, datasets)]
    if facts.baselines:
        rest.append("The baselines are deterministic: one run each, no interval.")
    rest += _samples(datasets)
    rest += [x for d in datasets for x in _noisy_cells(d)]
    if facts.total.done:
        rest += [x for d in datasets for x in _imbalance(d)]
    rest += [x for d in datasets for x in _data(d)]
    if any(d.ceiling is None for d in datasets):
        names = [d.name for d in datasets if d.ceiling is None]
        rest.append(f"No ceiling is known for {listing(names)}.")
    return (*(Caveat(text=x, order=10) for x in first), *(Caveat(text=x, order=30) for x in rest))


def _choices(params: Params, datasets: Sequence[DatasetReport]) -> list[str]:
    """How the best cell is chosen, what counts as equal, and what is the same for all cells."""
    extremes = {d.scale.extreme for d in datasets}
    best = extremes.pop() if len(extremes) == 1 else "best"
    return [
        f"The best combination is the one with the {best} mean on the test split, so its score is flattered by the "
        "choice, and more so with many combinations and few seeds. The verdicts allow for that. Epochs are chosen on "
        "validation, and each trial reads the test split once.",
        f"{_equal(datasets, params.report.rope)} Combinations are compared with the best by subset selection (Gupta, "
        "Dunnett); p-values are adjusted with Holm's "
        f"method within each family of comparisons, at {100 * params.report.confidence:g} % confidence.",
        _sizes(params.model.match_params, params.tuning.configurations > 1),
    ]


SHARED = (
    "were taken while trials shared the machine: compare them roughly, and only on one kind of hardware. Peak memory "
    "on a CPU is that of the whole process."
)


def _times(origin: Provenance, datasets: Sequence[DatasetReport]) -> str:
    """How times and memory were measured."""
    if not origin.timed_alone:
        return f"Times {SHARED}"
    others = [d.name for d in datasets if d.name not in origin.timed_alone]
    where = f" on {listing(origin.timed_alone)}" if others else ""
    said = (
        f"Times and memory{where} were measured one model at a time, with nothing else of mmbench running; changes in "
        "the machine's speed are taken out, and the lower quartile of many rounds counts; training is the time of a "
        "step for all its steps. Compare them only on one kind of hardware."
    )
    return f"{said} Times on {listing(others)} {SHARED}" if others else said


def _costs(origin: Provenance, datasets: Sequence[DatasetReport]) -> list[str]:
    """What costs leave out, and on which hardware they were measured."""
    flops = "FLOPs count matrix products only, without elementwise operations, so they are a lower bound."
    found = [f"{flops} {_times(origin, datasets)}"]
    if origin.timed_on:
        found.append(
            "The trials ran on different hardware. Times and memory are compared among those of the hardware on which "
            f"most ran ({origin.timed_on}); a method that did not run there has none."
        )
    for name, hardware in origin.measured_on.items():
        found.append(
            f"Not all numbers of '{QUANTITIES[name].label}' come from the hardware that their trials ran on. They are "
            f"compared among those of the hardware on which most were measured ({hardware}); a method that was not "
            "measured there has none."
        )
    for operation, trials in origin.unrepeatable.items():
        found.append(
            f"{count(trials, 'trial')} used {operation}, which the GPU does not repeat bit by bit: a second run may "
            "give slightly different numbers."
        )
    return found


def _equal(datasets: Sequence[DatasetReport], rope: float) -> str:
    """What counts as equal, scale by scale."""
    points = any(d.scale.unit == "points" and d.scale.rope > 0 for d in datasets)
    unknown, few = [], []
    parts = [f"within {100 * rope:g} point{'s' if rope != 0.01 else ''}"] if points else []
    for d in datasets:
        scale = d.scale
        if scale.at_guess:
            few.append(f"{d.name} (no model there is surely better than a guess)")
            continue
        if scale.high is not None and scale.rope == 0 < rope:
            few.append(f"{d.name} (one of {count(d.splits['test'], 'test sample')} outweighs the margin)")
            continue
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
    found = [f"Differences {', '.join(dict.fromkeys(parts))} count as equal."] if parts else []
    if unknown:
        found.append(
            f"On {listing(unknown)} no difference counts as equal, since the score of a guess without the input is "
            "not known."
        )
    if few:
        found.append(f"No difference counts as equal on {listing(few)}.")
    return " ".join(found)


def _samples(datasets: Sequence[DatasetReport]) -> list[str]:
    """What intervals over seeds leave out: another draw of the test split."""
    if not datasets:
        return []
    said = (
        "Intervals show the variation over seeds on one test split. They do not show how far a score would move on "
        "other samples of the same kind. Paired comparisons depend less on that, since all methods see the same samples"
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


def _noisy_cells(d: DatasetReport) -> list[str]:
    """Open cells below cells that are worse than the best: too noisy to decide on, not as good."""
    ranked = [(d.scale.oriented(r.score.mean), r) for r in d.cells if r.ranked and r.score]
    outside = [quality for quality, r in ranked if r.in_top is False]
    low = [(quality, r) for quality, r in ranked if r.verdict == "open" and outside and quality < max(outside)]
    if not low:
        return []
    _, worst = min(low, key=lambda x: x[0])
    have = f"{count(len(low), 'open combination')} {'has' if len(low) == 1 else 'have'}"
    return [
        f"{d.name}: {have} a worse mean than others that are worse than the best, down to {worst.key} "
        f"({interval(worst.score, d.scale)}). Their seeds vary too much for a verdict. That does not mean that they "
        "are as good."
    ]


def _imbalance(d: DatasetReport) -> list[str]:
    """Where the most frequent class alone explains much of an accuracy."""
    classes = d.classes
    baseline = next((r for r in d.controls if r.method.baseline == "majority"), None)
    if classes is None or baseline is None or "accuracy" not in baseline.metrics:
        return []
    most = baseline.metrics["accuracy"].mean
    if most < min(2 / classes, (1 + 1 / classes) / 2):
        return []
    return [
        f"{d.name}: the most frequent class is {percent(most)} of the test split (if all were equally frequent: "
        f"{percent(1 / classes)}). Accuracy starts from there; read balanced accuracy or macro-F1 beside it."
    ]


def _data(d: DatasetReport) -> list[str]:
    """What the data set itself brings along: missing modalities, and what was accepted when it was prepared."""
    found = []
    if d.missing:
        parts = [f"{percent(share)} of the samples lack {name}" for name, share in d.missing.items()]
        found.append(
            f"{d.name}: {listing(parts, most=9)}. A missing modality is masked, in training and on test; the "
            "single-modality controls also run on the samples that lack it."
        )
    return found + [f"{d.name}: {note.rstrip('.')}." for note in d.notes]


def _sizes(matched: bool, tuned: bool) -> str:
    tuning = "each was tuned alike" if tuned else "none was tuned"
    if matched:
        return (
            "Combinations have about equally many parameters: widths were scaled (and, where that was too coarse, "
            "hidden units of MLPs or heads) until any two trained models on one data set agree within 10 %. Depth, "
            f"heads and training budget are the same, and {tuning}: a difference belongs to the combination at this "
            "number of parameters and budget."
        )
    return (
        f"All combinations share one width, depth and training budget, {tuning}, and their numbers of parameters "
        "differ: a difference belongs to the combination at this size and budget."
    )
