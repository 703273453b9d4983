"""What the draw of the test samples adds to every difference of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.values.scale import Scale
from mmbench.report.values.verdicts import VerdictRecord
from mmbench.report.values.words import count, listing

PLURALS = {"contrast": "contrasts", "combination": "combinations", "control": "controls"}


@dataclass(frozen=True, kw_only=True)
class DatasetSamples:
    """One data set. tested: test samples; groups: of samples that belong together, None where each stands for itself.
    verdicts: of which it is known; falling: those of them that do not stand on other samples. cautions: what is to be
    kept in mind first."""

    name: str
    scale: Scale
    tested: int
    groups: int | None
    verdicts: tuple[VerdictRecord, ...]
    cautions: tuple[str, ...] = ()

    @property
    def falling(self) -> tuple[VerdictRecord, ...]:
        return tuple(v for v in self.verdicts if v.stands is False)

    @property
    def sentences(self) -> tuple[str, ...]:
        return (*self.cautions, *_sentences(self))


def find_samples(context: Context) -> tuple[DatasetSamples, ...] | None:
    """Of the data sets whose outputs are at hand; None where there is none."""
    found = [
        DatasetSamples(
            name=d.name,
            scale=d.scale,
            tested=d.splits["test"],
            groups=context.samples[d.name].groups,
            verdicts=own,
            cautions=cautions(context, d.name),
        )
        for d in context.datasets
        if (own := tuple(v for v in context.verdicts if v.dataset == d.name and v.samples is not None))
    ]
    return tuple(found) or None


def _sentences(d: DatasetSamples) -> Iterator[str]:
    widths = [f"{_width(d, own)} of {PLURALS[kind]}" for kind in PLURALS if (own := _of(d.verdicts, kind))]
    drawn = count(d.tested, "test sample")
    if d.groups is not None:
        drawn = f"{d.groups} groups (with {drawn}, of which those of one group are never apart)"
    yield (
        f"Another draw of {drawn} of the same kind adds to the intervals, which are over "
        f"seeds, half widths of {listing(widths)} (medians)."
    )
    known = [v for v in d.verdicts if v.stands is not None]
    if not known:
        return
    if not d.falling:
        yield f"All {count(len(known), 'verdict')} that are decided still hold with that allowed for."
        return
    kinds = [
        f"{len(own)} of {len(_of(known, kind))} {PLURALS[kind]}" for kind in PLURALS if (own := _of(d.falling, kind))
    ]
    ending = "It holds" if len(d.falling) == 1 else "They hold"
    these = "test samples" if d.groups is None else "groups"
    yield f"No longer decided once that is allowed for: {listing(kinds)}. {ending} for these {these}."


def _of(verdicts: Sequence[VerdictRecord], kind: str) -> list[VerdictRecord]:
    return [v for v in verdicts if v.kind == kind]


def _width(d: DatasetSamples, verdicts: Sequence[VerdictRecord]) -> str:
    """`±0.5 points`."""
    half = median(v.samples for v in verdicts if v.samples is not None)
    return f"±{d.scale.width(half)}{d.scale.unit_words}"
