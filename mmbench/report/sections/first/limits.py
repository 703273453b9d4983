"""What to know before one relies on the answer, a line each, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from mmbench.report.scores.context import Context
from mmbench.report.scores.lasting import lasting_words
from mmbench.report.scores.warnings import warnings
from mmbench.report.sections.first.record import Limit
from mmbench.report.values import titles
from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.training import best_in_last
from mmbench.report.values.words import count, listing, sentence

MANY_LAST = 1 / 3
"""The share of trained models that are best in their last epoch above which training was short."""
LARGER = 1.5
"""Times the parameters from which on an architecture is called larger."""


def limits(context: Context, dataset: str | None) -> tuple[Limit, ...]:
    """Of what is said of a data set, or (None) of all together."""
    reports = context.datasets if dataset is None else (context.dataset(dataset),)
    found = [
        *_trials(next(c for c in context.coverage[1:] if c.name == dataset) if dataset else context.total),
        *_budget(context, [d.name for d in reports]),
        *_tuning(context),
        *_data(context, reports),
        *_sizes(context, dataset),
        *_seeds(context, [d.name for d in reports]),
    ]
    return tuple(sorted(found, key=lambda x: x.fine))


def _trials(total: Counts) -> Iterator[Limit]:
    if total.pending:
        yield Limit(
            fine=False,
            bold="Not finished.",
            text=f"{total.pending:,} of {count(total.declared, 'trial')} {_have(total.pending)} not run.",
        )
    if total.bad:
        yield Limit(fine=False, bold=f"{count(total.bad, 'trial')} failed", text="and have no score: see Coverage.")
    if not total.pending and not total.bad and total.done:
        several = f"All {total.done:,} trials finished; seeds and batches are paired."
        yield Limit(fine=True, bold="", text=several if total.done > 1 else "The one trial finished.")


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def _budget(context: Context, names: Sequence[str]) -> Iterator[Limit]:
    training = [t for t in context.training if t.dataset in names]
    last, several = best_in_last(training)
    short = [name for name in context.short if name in names]
    if short:
        yield Limit(fine=False, bold="Training was too short", text=f"on {listing(short)} to rank anything.")
        return
    lasting = [found for name in names if (found := context.lasting(name)) is not None]
    after = f" {sentence(lasting_words(lasting))}." if lasting else ""
    if several and last / several > MANY_LAST:
        yield Limit(
            fine=False,
            bold="Training may be short:",
            text=f"{last:,} of {several:,} trained models were best in their last epoch.{after}",
        )
    elif several:
        settled = all(t.budget is not None and t.budget.settled for t in training)
        how = "A search found this training long enough" if settled else "Few models were cut short"
        yield Limit(fine=True, bold="", text=f"{how}: {last:,} of {several:,} were best in their last epoch.{after}")
    elif any(t.trained for t in training):
        yield Limit(fine=False, bold="One epoch", text="of training does not show where more would lead.")


def _tuning(context: Context) -> Iterator[Limit]:
    if context.tuned:
        n = context.params.tuning.configurations
        yield Limit(fine=True, bold="", text=f"Every method was tuned alike, with {count(n, 'configuration')} a seed.")
    else:
        yield Limit(
            fine=False,
            bold="Not tuned:",
            text="all methods share one learning rate; another may suit some better (tuning.configurations: 8).",
        )


def _data(context: Context, reports: Sequence[DatasetReport]) -> Iterator[Limit]:
    names = [d.name for d in reports]
    for d in reports:
        for text in warnings(d):
            yield Limit(fine=False, bold=f"{d.name}:", text=text)
        if d.scale.at_guess:
            yield Limit(
                fine=False,
                bold=f"Not surely better than a guess on {d.name}:",
                text=f"no model is, over {context.seeds_told}, so no two of them are called equal.",
            )
        elif d.best is not None and d.scale.high is not None and d.scale.rope == 0 < context.rope:
            samples = d.splits["test"]
            yield Limit(
                fine=False,
                bold=f"{count(samples, 'test sample')} on {d.name}:",
                text=f"one is worth {100 / samples:.1f} points, more than the margin, so nothing is called equal.",
            )
    judged = [v for v in context.verdicts if v.stands is not None and v.kind != "control" and v.dataset in names]
    if judged:
        stand = sum(bool(v.stands) for v in judged)
        yield Limit(
            fine=stand == len(judged),
            bold="" if stand == len(judged) else "Other test samples:",
            text=f"{stand:,} of {len(judged):,} verdicts on choices and combinations also hold for other test samples.",
        )
    yield Limit(
        fine=False,
        bold=f"{count(len(reports), 'data set')}:",
        # Those that mmbench makes have a best possible score.
        text="this says nothing about other data."
        + (" Try yours: mmbench data init" if all(d.ceiling is not None for d in reports) else ""),
    )


def _sizes(context: Context, dataset: str | None) -> Iterator[Limit]:
    """Where the leading architecture is the larger one."""
    if context.params.model.match_params:
        return
    axis = next((a for a in context.scopes[dataset].axes if a.axis == "architecture"), None)
    if axis is None or axis.state not in ("leads", "prefers"):
        return
    first = axis.levels[0]
    sizes: dict[str, list[float]] = {}
    for d in context.datasets if dataset is None else (context.dataset(dataset),):
        for row in d.cells:
            if row.cost and row.cost.parameters:
                sizes.setdefault(str(row.method.architecture), []).append(row.cost.parameters)
    if first not in sizes:
        return
    ratios = {lv: median(sizes[first]) / median(own) for lv, own in sizes.items() if lv in axis.beaten}
    larger = {lv: r for lv, r in ratios.items() if r >= LARGER}
    if larger:
        told = listing([f"{r:.1f} times {titles.level('architecture', lv)}" for lv, r in larger.items()])
        yield Limit(
            fine=False,
            bold=f"{sentence(titles.noun('architecture', first))} is larger:",
            text=f"{told}. Equal sizes: model.match_params: true.",
        )


def _seeds(context: Context, names: Sequence[str]) -> Iterator[Limit]:
    if not context.replicated:
        yield Limit(fine=False, bold="One seed", text="decides nothing: there are no intervals.")
        return
    said = [v for v in context.verdicts if v.kind == "combination" and v.dataset in names]
    open_ = sum(v.verdict == "open" for v in said)
    halves = [
        100 * (v.high - v.estimate)
        for v in said
        if v.high is not None and context.dataset(v.dataset).scale.unit == "points"
    ]
    if halves:
        left = (
            f"{count(open_, 'combination')} {'is' if open_ == 1 else 'are'} still open."
            if open_
            else "No combination is open."
        )
        yield Limit(
            fine=open_ == 0,
            bold="" if open_ == 0 else "Single combinations:",
            text=f"With {context.seeds_told}, gaps to the best below {median(halves):.1f} points (median) do not show. "
            + left,
        )
