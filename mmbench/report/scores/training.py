"""Whether the models of each data set were trained for long enough to be ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mmbench.report.values.training import TrainingReport
from mmbench.report.values.words import count
from mmbench.schema.budget import LEAST_STEPS, Budget
from mmbench.schema.dataset import DataSpec
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig

MOST = 0.5
"""The share of trials still getting better in their last epoch above which they are said to be cut short."""


def training_reports(
    names: Sequence[str],
    configs: Iterable[TrialConfig],
    finished: Sequence[TrialResult],
    specs: Mapping[str, DataSpec],
    budgets: Mapping[str, Budget],
) -> tuple[TrainingReport, ...]:
    """Of every data set that has trained models. configs: of all declared trials; finished: those that ended well."""
    declared: dict[str, list[TrialConfig]] = {name: [] for name in names}
    for config in configs:
        if config.train is not None:
            declared[config.dataset].append(config)
    ended: dict[str, list[TrialResult]] = {name: [] for name in names}
    for result in finished:
        ended[result.config.dataset].append(result)
    return tuple(
        _report(name, declared[name], ended[name], specs[name].splits["train"], budgets.get(name))
        for name in names
        if declared[name]
    )


def _report(
    name: str, declared: Sequence[TrialConfig], ended: Sequence[TrialResult], samples: int, budget: Budget | None
) -> TrainingReport:
    found = {c.train for c in declared if c.train is not None}
    steps = {t.epochs * -(-samples // t.batch_size) for t in found}
    epochs, rates = {t.epochs for t in found}, {t.learning_rate for t in found}
    several = [r for r in ended if r.config.train is not None and r.config.train.epochs > 1]
    last = sum(r.config.train is not None and r.best_epoch == r.config.train.epochs - 1 for r in several)
    falling = sum(_falls(r) for r in several)
    # A data set that is known from its trials alone has no samples.
    single = min(steps) if len(steps) == 1 and samples > 1 else None
    return TrainingReport(
        dataset=name,
        steps=single,
        epochs=epochs.pop() if len(epochs) == 1 else None,
        learning_rate=rates.pop() if len(rates) == 1 else None,
        budget=budget,
        trained=len(ended),
        several=len(several),
        in_last=last,
        falling=falling,
        short=_short(single, last, falling, len(several), budget),
    )


def _falls(result: TrialResult) -> bool:
    """Whether the loss on validation is lowest in the last epoch."""
    losses = [x for x in result.curves.get("validation_loss", []) if x is not None]
    return bool(losses) and losses[-1] == min(losses)


def _short(steps: int | None, last: int, falling: int, several: int, budget: Budget | None) -> str:
    if steps is not None and steps < LEAST_STEPS:
        return f"{count(steps, 'gradient step')} a trial are too few to rank anything"
    found = budget is not None and budget.length_found
    if budget is not None and found and budget.settled:
        return ""
    if found:
        return "the references were still getting better"
    if several and min(last, falling) / several > MOST:
        return f"{last:,} of {count(several, 'trained model')} were still getting better in their last epoch"
    return ""
