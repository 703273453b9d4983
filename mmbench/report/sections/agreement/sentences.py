"""What is said of agreement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmbench.report.draw.words import VERDICTS
from mmbench.report.sections.agreement.compute import DatasetAgreement
from mmbench.report.values import titles
from mmbench.report.values.numbers import two_decimals
from mmbench.report.values.words import count, gain, interval, listing, number


def finding(parts: Sequence[DatasetAgreement]) -> str:
    """The heading."""
    by_kind = {kind: [_told(d) for d in parts if d.alike == kind] for kind in ("same", "other")}
    said = []
    if by_kind["same"]:
        said.append(f"as two trainings of one do on {listing(by_kind['same'])}")
    if by_kind["other"]:
        said.append(f"less than two trainings of one do on {listing(by_kind['other'])}")
    if not said:
        return "Do the best combinations err on the same samples?"
    return f"The best combinations share their errors {'; '.join(said)}"


def _told(d: DatasetAgreement) -> str:
    return f"{d.name} ({'r' if d.numbers else 'kappa'} {two_decimals(d.between)} against {two_decimals(d.within)})"


def sentences(d: DatasetAgreement) -> Iterator[str]:
    yield from d.cautions
    if d.scale.at_guess:
        yield ("No combination is surely better than a guess here: common errors may only say that models guess alike.")
    if d.few_errors and d.between is not None and d.found.errors is not None:
        yield (
            f"A combination errs on {d.found.errors:.1f} of {count(d.found.samples, 'sample')} on average: too few to "
            "say much of common errors."
        )
    yield from _errors(d)
    yield from _together(d)
    yield from _against(d)


def _errors(d: DatasetAgreement) -> Iterator[str]:
    if d.between is None:
        yield "None of these combinations errs, so that nothing is known of common errors."
        return
    what = "the correlation of residuals" if d.numbers else "Cohen's kappa of who is right"
    least = "0 between independent models, 1 where errors are the same"
    within = "" if d.within is None else f", and {number(d.within)} between two trainings of one combination"
    yield (f"{_compared(d)}: {what} is {number(d.between)} between two of them on average{within} ({least}).")
    if d.ratio is not None:
        yield f"Two combinations have {d.ratio:.1f} times as many errors in common as independent models would."
    if d.ceiling is not None and not d.numbers:
        yield (
            f"No model can score better than {d.scale.number(d.ceiling)} here: the errors that nobody can avoid are "
            "common to all."
        )


def _compared(d: DatasetAgreement) -> str:
    chosen = len(d.found.methods)
    if chosen == d.found.of:
        return f"All {count(chosen, 'combination')} are compared"
    return f"Of {count(d.found.of, 'combination')}, the {chosen} that are best on validation are compared"


def _together(d: DatasetAgreement) -> Iterator[str]:
    together = d.found.together
    if together is None or d.gain is None:
        return
    members = listing([titles.titled(m) for m in together.members])
    text = f"The mean prediction of the best three on validation ({members}) scores {interval(d.score, d.scale)}: "
    text += f"{gain(d.gain, d.scale)} over the best of them alone"
    yield text + (f", {VERDICTS[d.gain.verdict]}." if d.gain.half is not None else ", on one seed.")
    if together.again is not None:
        again = d.scale.number(d.scale.oriented(together.again))
        yield f"The mean prediction of three trainings of the best one scores {again}: what several seeds alone give."


def _against(d: DatasetAgreement) -> Iterator[str]:
    if not d.found.against:
        return
    best = titles.titled(d.found.methods[0])
    decided = [(d.verdict(x), titles.titled(x.method)) for x in d.found.against if d.verdict(x) != "open"]
    better, worse = ([name for verdict, name in decided if verdict == kind] for kind in ("better", "worse"))
    said = [f"is right more often than {listing(better)}"] if better else []
    said += [f"is right less often than {listing(worse)}"] if worse else []
    others = count(len(d.found.against), "other")
    test = f"McNemar's exact test on {count(d.found.samples, 'sample')}, Holm over {others}"
    if said:
        rest = "; the rest is open" if len(decided) < len(d.found.against) else ""
        yield f"By {test}, the best on validation, {best}, {' and '.join(said)}{rest}."
    else:
        yield f"By {test}, the best on validation, {best}, is decided against none of them."
    if d.grouped:
        yield (
            "Samples of one group are alike here, and the test treats samples as independent: its p-values are too "
            "small."
        )
