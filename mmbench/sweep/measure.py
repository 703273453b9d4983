"""What is measured on a trial after its training: metrics from its outputs, probes on its model. Each has the
fingerprint of its own source, so that one that is new or has changed is pending by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mmbench import provenance
from mmbench.errors import UserError
from mmbench.ledger.briefs import Brief, Fingerprints
from mmbench.ledger.store import Ledger
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec
from mmbench.schema.measured import Measured, MeasuredMetric, MeasuredProbe, Origin
from mmbench.schema.metric import METRICS, fitting
from mmbench.schema.outputs import Outputs
from mmbench.schema.plan import Limits, Plan, Probes
from mmbench.schema.result import TrialResult
from mmbench.schema.scores import score
from mmbench.schema.strict_yaml import Frozen
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.planning.fingerprint import measure_fingerprint

if TYPE_CHECKING:
    from torch import nn

    from mmbench.training.trial import Splits

# No torch at import: `mmbench status` counts what is pending.

MANY = 64
"""Trials from which on metrics are computed by several processes."""


class Wanted(Frozen):
    """Metrics and probes that trials on a data set should have: fingerprint by name."""

    metrics: dict[str, str]
    probes: dict[str, str]

    def missing(self, measured: Fingerprints) -> Wanted:
        """What of this was not measured, or by other source."""

        def left(wanted: dict[str, str], have: Mapping[str, str]) -> dict[str, str]:
            return {name: print_ for name, print_ in wanted.items() if have.get(name) != print_}

        return Wanted(metrics=left(self.metrics, measured.metrics), probes=left(self.probes, measured.probes))

    def __bool__(self) -> bool:
        return bool(self.metrics or self.probes)


def wanted(spec: DataSpec, asked: Probes = "default", *, baseline: bool = False) -> Wanted:
    """All that is to be measured of trials on this data set, and can be. baseline: of those of baselines."""
    names = fitting(spec.task.kind, affect=spec.task.affect)
    there: dict[str, Any] = {n: v.cls for n, v in variants("probe").items()}
    on_trials = {n: cls for n, cls in there.items() if cls.on == "trial" and cls.cannot(spec) is None}
    fit = {n: cls for n, cls in on_trials.items() if cls.baselines or not baseline}
    probes = [n for n, cls in fit.items() if _is_asked_for(n, asked, default=cls.default)]
    return Wanted(
        metrics={name: measure_fingerprint("metric", name) for name in names},
        probes={name: measure_fingerprint("probe", name) for name in probes},
    )


def wanted_by_kind(specs: Mapping[str, DataSpec], asked: Probes) -> dict[tuple[str, bool], Wanted]:
    """The same of each data set, and of whether it is a baseline's trial."""
    return {
        (name, baseline): wanted(spec, asked, baseline=baseline)
        for name, spec in specs.items()
        for baseline in (False, True)
    }


def _is_asked_for(name: str, asked: Probes, *, default: bool) -> bool:
    if isinstance(asked, tuple):
        return name in asked
    return default or asked == "all"


def missing(plan: Plan, briefs: Mapping[str, Brief], specs: Mapping[str, DataSpec]) -> dict[str, Wanted]:
    """What the finished trials of the plan lack, by trial; those that lack nothing are left out. A trial from before
    outputs were kept lacks nothing: nothing can be measured on it."""
    by_kind = wanted_by_kind(specs, plan.probes)
    found = {}
    for job in plan.trials:
        brief, whole = briefs.get(job.trial_id), by_kind[job.config.dataset, job.config.baseline is not None]
        # Of nearly all trials it is known at a glance that they lack nothing.
        if brief is not None and brief.fingerprints is not None and brief.fingerprints != (whole.metrics, whole.probes):
            lacks = whole.missing(brief.fingerprints)
            if lacks:
                found[job.trial_id] = lacks
    return found


def counts(missing: Mapping[str, Wanted]) -> dict[str, dict[str, int]]:
    """{"metrics": {name: trials that lack it}, "probes": ...}."""
    found: dict[str, dict[str, int]] = {"metrics": {}, "probes": {}}
    for lacks in missing.values():
        for kind, names in (("metrics", lacks.metrics), ("probes", lacks.probes)):
            for name in names:
                found[kind][name] = found[kind].get(name, 0) + 1
    return found


def _one_metric(name: str, print_: str, outputs: Outputs) -> MeasuredMetric:
    values: dict[str, float] = {}
    info = METRICS[name]
    try:
        for split in outputs.splits:
            value = score(name, outputs.task, outputs.predictions(split), outputs.labels(split))
            if not np.isfinite(value):
                continue
            if (info.low is not None and value < info.low) or (info.high is not None and value > info.high):
                return MeasuredMetric(
                    fingerprint=print_, failed=f"{value} on {split} is outside [{info.low}, {info.high}]"
                )
            values[split] = value
    except (Exception, SystemExit) as error:  # a metric may raise anything; the others are computed
        return MeasuredMetric(fingerprint=print_, failed=_one_line(error))
    return MeasuredMetric(fingerprint=print_, values=values)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()).encode(errors="backslashreplace").decode()
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def measure_metrics(outputs: Outputs, names: Mapping[str, str]) -> dict[str, MeasuredMetric]:
    """names: fingerprint by metric."""
    return {name: _one_metric(name, print_, outputs) for name, print_ in names.items()}


def _metrics_of(
    ledger: Ledger, trial_id: str, names: Mapping[str, str]
) -> tuple[str, dict[str, MeasuredMetric] | UserError]:
    try:
        return trial_id, measure_metrics(ledger.outputs(trial_id), names)
    except UserError as error:
        return trial_id, error


def measure_all_metrics(
    ledger: Ledger, results: Mapping[str, TrialResult], missing: Mapping[str, Wanted]
) -> Iterator[str]:
    """Compute what these trials lack from their outputs, and keep it; yields each trial as it is done. The caller holds
    the ledger's lock. A trial whose outputs are damaged is left out and is in `ledger.broken`. Raises UserError where
    the ledger cannot be written."""
    open_ = {i: lacks.metrics for i, lacks in missing.items() if lacks.metrics}
    if not open_:
        return
    before = ledger.measured({i: results[i] for i in open_})
    for trial_id, found in _in_parallel(ledger, open_):
        if isinstance(found, UserError):
            ledger.broken[ledger.json_file(trial_id)] = f"{found}; delete the file, and its trial runs again"
            yield trial_id
            continue
        ledger.write_measured(before[trial_id].updated(metrics=found))
        yield trial_id


def _in_parallel(
    ledger: Ledger, open_: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, dict[str, MeasuredMetric] | UserError]]:
    if len(open_) < MANY:
        yield from (_metrics_of(ledger, i, names) for i, names in open_.items())
        return
    import joblib

    tasks = (joblib.delayed(_metrics_of)(ledger, i, names) for i, names in open_.items())
    yield from joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(tasks)


@cache
def _probe(name: str) -> type:
    return get("probe", name, where="a measurement").cls


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A trained model to be measured, and where it came from. outputs: what it said, where that is at hand."""

    model: nn.Module
    config: TrialConfig
    spec: DataSpec
    splits: Splits
    origin: Origin
    outputs: Outputs | None = None


def measure_probes(
    subject: Subject, names: Mapping[str, str], limits: Limits, *, full: bool = True
) -> dict[str, MeasuredProbe]:
    """Run these probes, one after the other, each within the limits; whatever one raises is its own failure.

    names: fingerprint by probe. full: whether `limits` is all that a probe may ever use; else one that passes it is
    left out, and stays pending.
    """
    from mmbench.probe.shared.once import results_kept
    from mmbench.probe.shared.outputs import know

    found = {}
    with results_kept():
        if subject.outputs is not None:
            know(subject.model, subject.outputs)
        for name, print_ in names.items():
            one = _one_probe(subject, name, print_, limits)
            if one is not None:
                found[name] = one
            elif full:
                why = f"took longer than its limit of {limits.seconds:g} s"
                found[name] = MeasuredProbe(fingerprint=print_, failed=why, model=subject.origin)
    return found


def _one_probe(subject: Subject, name: str, print_: str, limits: Limits) -> MeasuredProbe | None:
    """None where it took too long."""
    from mmbench.probe import check_values
    from mmbench.training.sandbox import TrialTimeoutError, memory_limit, own_settings, seed_everything, time_limit

    config = subject.config
    splits = {split: part.only(config.modalities) for split, part in subject.splits.items()}
    try:
        with own_settings(), memory_limit(limits.memory_gb), time_limit(limits.seconds):
            seed_everything(config.seed)
            subject.model.eval()
            probe = _probe(name)()
            raw = probe.measure(subject.model, splits, subject.spec, seed=config.seed)
            values = check_values(probe.quantities, raw, config.modalities)
    except TrialTimeoutError:
        return None
    except (Exception, SystemExit) as error:  # a probe may raise anything; the trial and the other probes go on
        return MeasuredProbe(fingerprint=print_, failed=_one_line(error), model=subject.origin)
    if not any(quantity.machine for quantity in probe.quantities.values()):
        return MeasuredProbe(fingerprint=print_, values=values, model=subject.origin)
    return MeasuredProbe(
        fingerprint=print_,
        values=values,
        model=subject.origin,
        hardware=provenance.hardware(),
        versions=provenance.versions(),
    )


def failed_probes(names: Mapping[str, str], why: str, origin: Origin) -> dict[str, MeasuredProbe]:
    """The record of probes that could not be measured at all."""
    return {name: MeasuredProbe(fingerprint=print_, failed=why, model=origin) for name, print_ in names.items()}


def failures(measured: Sequence[Measured]) -> dict[str, tuple[int, str]]:
    """Of each metric or probe that failed: on how many trials, and why on the first."""
    found: dict[str, tuple[int, str]] = {}
    for one in measured:
        entries: dict[str, MeasuredMetric | MeasuredProbe] = {**one.metrics, **one.probes}
        for name, entry in entries.items():
            if entry.failed is not None:
                count, why = found.get(name, (0, entry.failed))
                found[name] = count + 1, why
    return found
