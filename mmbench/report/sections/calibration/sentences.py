"""What is said of calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmbench.report.draw.words import VERDICTS
from mmbench.report.sections.calibration.compute import NUMBERS, UNSURE, DatasetCalibration
from mmbench.report.values import titles
from mmbench.report.values.words import count, gain, interval, listing, number
from mmbench.stats.estimates import Difference

LOG_LOSS = NUMBERS[0].scale
PLURALS = {"attention": "attentions", "fusion": "fusions", "architecture": "architectures"}


def finding(parts: Sequence[DatasetCalibration]) -> str:
    """The heading; of models that were trained too briefly it says nothing."""
    parts = [d for d in parts if not d.cautions]
    if not parts:
        return "Calibration"
    by_state: dict[str, list[str]] = {}
    for d in parts:
        by_state.setdefault(d.state, []).append(d.name)
    text = "Combinations are " + listing([f"{state} on {listing(names)}" for state, names in by_state.items()])
    # By log-loss: an error of calibration alone ranks nothing.
    known = {d.name: x for d in parts if (x := d.mended) is not None}
    if not known:
        return text
    words = (
        ("lowers log-loss", [name for name, x in known.items() if x > LOG_LOSS.rope]),
        ("raises log-loss", [name for name, x in known.items() if x < -LOG_LOSS.rope]),
        ("hardly changes log-loss", [name for name, x in known.items() if abs(x) <= LOG_LOSS.rope]),
    )
    said = [(what, names) for what, names in words if names]
    if len(said) == 1:
        return f"{text}; temperature scaling {said[0][0]}"
    return f"{text}; temperature scaling {listing([f'{what} on {listing(names)}' for what, names in said])}"


def sentences(d: DatasetCalibration) -> Iterator[str]:
    yield from d.cautions
    yield from _best(d)
    yield from _scaling(d)
    yield from _attention(d)
    yield from _kinds(d)
    yield from _axes(d)
    yield from _alone(d)
    yield from _bias(d)


def _best(d: DatasetCalibration) -> Iterator[str]:
    found = d.of("log_loss")
    cells = [] if found is None else [m for m in found.methods if m.role == "cell"]
    if not cells:
        return
    first = min(cells, key=lambda m: m.value.mean)
    yield (
        f"By log-loss, which this section goes by, {titles.titled(first.key)} has the lowest mean of "
        f"{count(len(cells), 'combination')}: {interval(first.value, LOG_LOSS)} nats."
    )


def _scaling(d: DatasetCalibration) -> Iterator[str]:
    before, after = d.cells("log_loss"), d.cells("log_loss_scaled")
    if d.temperature is None or d.errors is None:
        return
    lower = sum(before[key] - after[key] > LOG_LOSS.rope for key in before if key in after)
    higher = sum(after[key] - before[key] > LOG_LOSS.rope for key in before if key in after)
    side = "above 1: too sure" if d.temperature >= 1 else "below 1: not sure enough"
    text = (
        f"The median temperature is {d.temperature:.2f} ({side}); scaling lowers the log-loss of "
        f"{lower} of {count(len(before), 'combination')} by more than {LOG_LOSS.rope:g} nats"
    )
    text += f" and raises that of {higher}" if higher else ""
    yield f"{text}, and takes the median calibration error from {number(d.errors[0])} to {number(d.errors[1])}."
    if d.smoothing and d.temperature < UNSURE:
        yield f"They were trained with label smoothing of {d.smoothing:g}, which makes models less sure."


def _attention(d: DatasetCalibration) -> Iterator[str]:
    said = [
        f"{gain(found.attention, found.number.scale)}, {VERDICTS[found.attention.verdict]}"
        for name in ("log_loss", "ece")
        if (found := d.of(name)) is not None and found.attention is not None
    ]
    if said:
        yield f"Attention in place of pooling: {'; '.join(said)}."


def _kinds(d: DatasetCalibration) -> Iterator[str]:
    if not d.kinds:
        return
    said = [_kind(x) for x in d.kinds if x.verdict in ("better", "worse")]
    if not said:
        open_, all_ = sum(x.verdict == "open" for x in d.kinds), len(d.kinds)
        some = f"{open_} of {count(all_, 'comparison')} {'is' if open_ == 1 else 'are'} open, the rest equal"
        if not open_:
            yield f"All kinds of fusion are equal in log-loss, within {LOG_LOSS.rope:g} nats."
            return
        yield f"No two kinds of fusion are decided in log-loss: {'all are open' if open_ == all_ else some}."
        return
    yield f"Kinds of fusion: {listing(said, between='; ')}."


def _kind(x: Difference) -> str:
    first, second = (titles.level("fusion", level) for level in (x.subject, x.reference))
    return f"{first} has {gain(x, LOG_LOSS)} than {second}"


def _axes(d: DatasetCalibration) -> Iterator[str]:
    found = d.of("log_loss")
    if found is None or not found.contrasts:
        return
    verdicts = [x.verdict for _, x in found.contrasts]
    apart = sum(v in ("better", "worse") for v in verdicts)
    equal = verdicts.count("equal")
    numbers = {"decided": apart, f"equal within {LOG_LOSS.rope:g} nats": equal, "open": len(verdicts) - apart - equal}
    said = [f"{n} {words}" for words, n in numbers.items() if n]
    yield f"Of {count(len(verdicts), 'comparison')} of two levels in log-loss, {listing(said)}."


def _alone(d: DatasetCalibration) -> Iterator[str]:
    """Where an order by calibration error would be misleading."""
    found, errors = d.of("log_loss"), d.of("ece")
    if found is None or errors is None:
        return
    for axis in dict.fromkeys(axis for axis, _ in found.contrasts):
        ends = errors.extremes(axis)
        behind = [x for own, x in found.contrasts if own == axis and ends and x.reference == ends[0].level]
        # Of two that are alike in calibration error neither comes first by it.
        first = None if ends is None else ends[0].level
        later = {
            x.reference for own, x in errors.contrasts if own == axis and x.subject == first and x.verdict == "better"
        }
        worse = [x for x in behind if x.verdict == "better" and x.subject in later]
        if ends and worse:
            most = max(worse, key=lambda x: x.mean)
            least, other = (titles.noun(axis, level) for level in (ends[0].level, most.subject))
            yield (
                f"By calibration error alone, {least} would come first among {PLURALS[axis]}, although {other} has "
                f"{gain(most, LOG_LOSS)}."
            )


def _bias(d: DatasetCalibration) -> Iterator[str]:
    if d.by_chance is None:
        return
    yield (
        f"Calibration errors are biased upwards on few samples: on these {d.samples:,}, a model as sure as the best "
        f"combination would show about {number(d.by_chance)} though it were calibrated. They rank nothing here."
    )
