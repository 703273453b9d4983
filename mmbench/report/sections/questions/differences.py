"""Differences between levels in words, and over data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mmbench.report.scores.choices import combine
from mmbench.report.scores.contrasts import adjust, turned
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, gain, listing, sentence, training
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades


def across(per_dataset: Mapping[str, Sequence[Difference]], settings: Settings) -> tuple[Difference, ...]:
    """Each comparison over these data sets: the mean of theirs, with an interval that combines theirs."""
    by_pair: dict[tuple[str, str], dict[str, Difference]] = {}
    for name, differences in per_dataset.items():
        for d in differences:
            by_pair.setdefault((d.subject, d.reference), {})[name] = d
    return adjust([combine(each, settings) for each in by_pair.values()], settings)


def find_verdicts(
    per_dataset: Mapping[str, Sequence[Difference]], subject: str, reference: str
) -> dict[str, Difference]:
    return {
        name: d
        for name, differences in per_dataset.items()
        for d in differences
        if (d.subject, d.reference) == (subject, reference)
    }


ONE_SEED = "One seed does not decide"


def is_testable(per_dataset: Mapping[str, Sequence[Difference]]) -> bool:
    """Whether any comparison has a replicate to judge it by."""
    return any(d.p is not None for differences in per_dataset.values() for d in differences)


def most_fading(differences: Iterable[Difference]) -> Difference | None:
    """The greatest of the gains that do not last with more training; None without any."""
    found = [d for d in differences if d.verdict == "better" and fades(d) is not None]
    return max(found, key=lambda d: d.mean, default=None)


def in_the_end(found: Mapping[str, Difference], scales: Mapping[str, Scale]) -> str:
    """`and with twice the training is no better (+1.9 points, then +0.3)`: of the greatest of gains that fade."""
    name, d = max(found.items(), key=lambda x: x[1].mean)
    at = fades(d)
    assert at is not None
    scale = scales[name]
    now, then = scale.change(d.mean), scale.change(at.mean)
    unit = scale.unit_words if scale.unit else f" of {scale.label}"
    return f"and with {training(at.factor)} is no better ({now}{unit}, then {then})"


def tally(found: Mapping[str, Difference]) -> str:
    """`better on 2 of 3 data sets, worse on 1`."""
    n = len(found)
    words = {"better": "better", "worse": "worse", "equal": "equal", "open": "open"}
    parts: list[str] = []
    for verdict, word in words.items():
        hits = sum(d.verdict == verdict for d in found.values())
        if hits:
            parts.append(f"{word} on {hits}" + ("" if parts else f" of {count(n, 'data set')}"))
    return ", ".join(parts)


def sentences_of(
    per_dataset: Mapping[str, Sequence[Difference]],
    name: Callable[[str], str],
    scales: Mapping[str, Scale],
) -> tuple[str, ...]:
    """One a comparison, over all data sets. name: how a side reads."""
    made = []
    for subject, reference in dict.fromkeys((d.subject, d.reference) for ds in per_dataset.values() for d in ds):
        found = find_verdicts(per_dataset, subject, reference)
        left, right = name(subject), name(reference)
        detail = "; ".join(f"{dataset} {gain(x, scales[dataset])}" for dataset, x in found.items())
        made.append(sentence(f"{left} minus {right}: {tally(found)} ({detail})."))
    return tuple(made)


def order_best_first(differences: Iterable[Difference], first: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Differences to one reference in display order: the subjects in `first`, then the others, best first."""
    return tuple(
        sorted(differences, key=lambda d: (first.index(d.subject) if d.subject in first else len(first), -d.mean))
    )


def rank_kinds(fields: Sequence[DatasetScores], factor: str, of: Mapping[str, str]) -> list[str]:
    """The kinds of level by the mean of their ranked cells, so that most differences between them are gains."""
    values: dict[str, list[float]] = {kind: [] for kind in of.values()}
    for field in fields:
        for key in field.ranked("cell"):
            values[of[str(getattr(field.methods[key], factor))]].append(float(field.means.mean[field.index[key]]))
    return sorted(values, key=lambda kind: -float(np.mean(values[kind])) if values[kind] else 0.0)


def name_winner(
    per_dataset: Mapping[str, Sequence[Difference]],
    levels: Sequence[str],
    title: str,
    name: Callable[[str], str] = str,
    label: Callable[[str], str] = str,
) -> str:
    """A heading for pairwise comparisons: which level beats all others, and on how many data sets; or which ones to
    avoid. name: how a level reads in a sentence; label: by itself."""
    wins: dict[str, list[str]] = {}
    undecided = []
    for dataset, differences in per_dataset.items():
        beaten = dict.fromkeys(levels, 0)
        for d in differences:
            if d.verdict in ("better", "worse") and fades(d) is None:
                beaten[d.subject if d.verdict == "better" else d.reference] += 1
        present = {x for d in differences for x in (d.subject, d.reference)}
        first = [lv for lv in levels if lv in present and beaten[lv] == len(present) - 1 > 0]
        if first:
            wins.setdefault(first[0], []).append(dataset)
        else:
            undecided.append(dataset)
    if not per_dataset:
        return f"No answer yet on {title}"
    if not is_testable(per_dataset):
        return f"{ONE_SEED} which {title} is best"
    if not wins:
        return _without_winner(per_dataset, title, name)
    parts = [f"{label(lv)} on {listing(where)}" for lv, where in wins.items()]
    if len(wins) == 1 and not undecided:
        where = "every data set" if len(per_dataset) > 1 else listing(list(per_dataset))
        return sentence(f"{label(next(iter(wins)))} is the best {title} on {where}")
    tail = f"; no single winner on {listing(undecided)}" if undecided else ""
    return sentence(f"best {title}: {' and '.join(parts)}{tail}")


def _without_winner(per_dataset: Mapping[str, Sequence[Difference]], title: str, name: Callable[[str], str]) -> str:
    """Where no level beats all others: what is known all the same, then where it is open."""
    unknown = [dataset for dataset, ds in per_dataset.items() if any(d.verdict == "open" for d in ds)]
    known: dict[str, list[str]] = {}
    for dataset, ds in per_dataset.items():
        text = _behind(ds, name)
        if text or dataset not in unknown:
            known.setdefault(text or f"every {title} is as good as any other", []).append(dataset)
    parts = [f"{text} on {listing(where)}" for text, where in known.items()]
    if unknown:
        where = "every data set" if len(unknown) == len(per_dataset) > 1 else listing(unknown)
        parts.append(f"which {title} is best is open on {where}")
    return sentence("; ".join(parts))


def _behind(differences: Sequence[Difference], name: Callable[[str], str]) -> str:
    """What to avoid: the levels that are worse than each of the rest; or else which one is better than which. Empty
    where nothing is known to be worse, or only until training is longer."""
    decided = [d if d.verdict == "better" else turned(d) for d in differences if d.verdict in ("better", "worse")]
    lost = {(d.reference, d.subject) for d in decided if fades(d) is None}
    beaten = dict.fromkeys(worse for worse, _ in lost)
    rest = dict.fromkeys(x for d in differences for x in (d.subject, d.reference) if x not in beaten)
    if not lost:
        return ""
    if rest and all((b, r) in lost for b in beaten for r in rest):
        return f"avoid {listing([name(b) for b in beaten])}"
    pairs = sorted(lost)
    return listing([f"{name(better)} is better than {name(worse)}" for worse, better in pairs], most=2)
