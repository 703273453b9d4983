"""Controls that do at least as well as the best combination, or may do so: that comes before anything about
combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.words import interval, listing
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A control that is better than the best combination, equal to it within the margin, or not known to be worse.

    Attributes:
        found: The best combination minus it.
        words: What that means, such as `one modality suffices`.
        also: What holds beside it, such as `a kernel SVM does as well as the best combination`, or nothing.
    """

    dataset: str
    found: Difference
    words: str
    also: str = ""


MOST = 6
"""Data sets that a sentence names."""
BASELINES = {
    "linear": "a linear model",
    "linear_late": "a linear model of each modality, averaged,",
    "boosting": "gradient boosting",
    "kernel_svm": "a kernel SVM",
}
"""How sentences name baselines; one of another package has its own name."""


def ahead(d: DatasetReport) -> Ahead | None:
    """The control that does at least as well as the best combination and says most; None where none does.

    That a guess is better says most, then that another control is, then that a guess is equal, then a single modality,
    since then there is nothing to fuse. Of what is open, most is said by a guess, and by others with the higher mean.
    """
    best = next((r for r in d.cells if r.best), None)
    if best is None:
        return None
    baseline = BASELINES.get(str(best.baseline), f"the baseline {best.baseline}")
    guess, single, other = best.gain_majority, best.gain_single, best.gain_baseline
    as_well = f"{baseline} does as well as the best combination"
    found: tuple[tuple[Difference | None, str, str], ...] = (
        (guess, "worse", "a guess does better than every combination"),
        (other, "worse", f"{baseline} does better"),
        (single, "worse", "one modality does better alone"),
        (guess, "equal", "no combination does better than a guess"),
        (single, "equal", "one modality suffices"),
        (other, "equal", as_well),
    )
    for gain, verdict, words in found:
        if gain is not None and gain.verdict == verdict:
            both = gain is single and verdict == "equal" and other is not None and other.verdict == "equal"
            return Ahead(dataset=d.name, found=gain, words=words, also=as_well if both else "")
    undecided: tuple[tuple[Difference | None, bool, str], ...] = (
        (guess, True, "a guess"),
        (single, False, "one modality alone"),
        (other, False, baseline),
    )
    for gain, whatever, name in undecided:
        if gain is not None and gain.half is not None and gain.verdict == "open" and (whatever or gain.mean < 0):
            return Ahead(
                dataset=d.name, found=gain, words=f"it is open whether any combination does better than {name}"
            )
    return None


def advice(d: DatasetReport, found: Ahead) -> str:
    """What to use, as a sentence, and what the best combination has beside it."""
    control, best = d.row(found.found.reference), next(r for r in d.cells if r.best)
    scale = d.scale
    standing = {
        "worse": f"is worse ({interval(best.score, scale)})",
        "equal": f"is equal within {scale.rope_words} ({interval(best.score, scale)})",
        "open": f"has {interval(best.score, scale)}",
    }[found.found.verdict]
    words = f"{found.words}, and {found.also}" if found.also else found.words
    return (
        f"On {d.name}, {words}: {control.key} has {scale.label} {interval(control.score, scale)}; the best "
        f"combination, {best.key}, {standing}."
    )


def headlines_of(found: Mapping[str, Ahead], datasets: Mapping[str, DatasetReport]) -> Iterator[str]:
    """With the numbers where the control is better; data sets of which the same is said are named together, and what is
    said of most of them comes first. found: by data set; datasets: all that have results."""
    said: dict[str, list[str]] = {}
    for name, x in found.items():
        for words in filter(None, (x.words, x.also)):
            said.setdefault(words, []).append(_named(x, datasets[name]))
    together: dict[tuple[str, ...], list[str]] = {}
    for words, names in said.items():
        together.setdefault(tuple(names), []).append(words)
    for where, statements in sorted(together.items(), key=lambda item: -len(item[0])):
        n = len(where)
        everywhere = n == len(datasets) > 1 and all(name in datasets for name in where)
        told = f"{'both' if n == 2 else f'all {n}'} data sets" if everywhere else listing(where, MOST)
        yield f"{' and '.join(statements)} on {told}"


def _named(found: Ahead, d: DatasetReport) -> str:
    if found.found.verdict != "worse":
        return d.name
    control, best = d.row(found.found.reference), next(r for r in d.cells if r.best)
    numbers = (d.scale.number(r.score.mean if r.score else None) for r in (control, best))
    return f"{d.name} ({' against '.join(numbers)})"
