"""Stage `sweep`: run every trial of params.yaml that the ledger lacks, and measure what finished ones lack: metrics
from their outputs, probes on their models. Ends with 0 only when nothing is left.

A trial that fails, diverges or hits a limit has a result too: it is reported, and does not count as left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from mmbench.ledger.lazily import Lazily
from mmbench.ledger.store import Ledger, limits_of
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, SETTINGS
from mmbench.schema import few_samples
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params, Sweep, load_params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.stages import GO_ON, INTERRUPTED, exit_code, take_no_arguments
from mmbench.sweep import idle_costs, measure
from mmbench.sweep.planning.plan import load_specs
from mmbench.sweep.progress import MeasureWatch, Watch, summary
from mmbench.sweep.rounds.schedule import Schedule, look
from mmbench.sweep.rounds.work import scheduled
from mmbench.sweep.termination import terminated_like_interrupted
from mmbench.sweep.wording import duration

if TYPE_CHECKING:
    from mmbench.sweep.rounds.assignment import Outcome


def sweep(root: Path, console: Console) -> int:
    """Run what is pending in the project at `root`; returns the exit code.

    Raises UserError for what a person can put right, KeyboardInterrupt where Ctrl-C came before the first trial.
    """
    params = load_params(root / SETTINGS)
    specs = load_specs(params, root)
    ledger = Ledger(root / LEDGER)
    # What a stage of dvc.yaml puts out must be there, also where nothing is kept in it.
    for folder in (root / BUDGET, ledger.weights):
        folder.mkdir(parents=True, exist_ok=True)
    code = 0
    for text in few_samples.warnings_of(specs.values()):
        console.print(f"warning: {text}", style="yellow", soft_wrap=True, markup=False, highlight=False)
    with ledger.lock():
        plan, pending = _look(params, specs, root, ledger)
        for file, reason in ledger.broken.items():
            console.print(f"{file} is not a result ({reason}); its trial runs again", style="yellow", soft_wrap=True)
        for file, note in ledger.notes.items():
            console.print(f"{file} {note}", style="yellow", soft_wrap=True, markup=False, highlight=False)
        known = set(ledger.broken)
        scored = compute_metrics(plan, specs, ledger, console)
        for file in ledger.broken.keys() - known:
            console.print(f"{file.name}: {ledger.broken[file]}", style="yellow", soft_wrap=True, markup=False)
        # A probe for which a trial's own time did not suffice is measured in a second round, with a limit of its own.
        for _ in range(2):
            if code != 0 or not (pending or scored or _lacks_probes(plan, specs, ledger)):
                break
            code, plan = _run(params, specs, ledger, root, console)
            pending, scored = False, False
        results = ledger.of(plan.trials)
        if code == 0 and params.sweep.time_alone:
            code = measure_costs(plan, results, ledger, root, params.sweep, console)
    if ledger.without_weights is not None:
        console.print(f"weights are not kept: {ledger.without_weights}", style="yellow", soft_wrap=True, markup=False)
    summary(console, plan, results)
    for name, (count, why) in measure.failures(list(ledger.measured(results).values())).items():
        console.print(
            f"{name} could not be measured on {count} trials: {why}", style="yellow", soft_wrap=True, markup=False
        )
    return code


def _look(params: Params, specs: dict[str, DataSpec], root: Path, ledger: Ledger) -> tuple[Plan, bool]:
    """What has been asked for so far, and whether there is anything to train."""
    schedule = _schedule(params, specs, root)
    plan, briefs = look(schedule, ledger)
    pending = bool(ledger.open_of(plan, briefs, limits_of(params.sweep)))
    return plan, pending or any(stand.calibrating for stand in schedule.stands.values())


def _lacks_probes(plan: Plan, specs: dict[str, DataSpec], ledger: Ledger) -> bool:
    return any(lacks.probes for lacks in measure.missing(plan, ledger.briefs(plan.trials), specs).values())


def _schedule(params: Params, specs: dict[str, DataSpec], root: Path) -> Schedule:
    return Schedule(params=params, specs=specs, root=root, folder=root / BUDGET)


def compute_metrics(plan: Plan, specs: dict[str, DataSpec], ledger: Ledger, console: Console) -> bool:
    """Compute, from the outputs of finished trials, the metrics that they lack. Returns whether there were any."""
    missing = measure.missing(plan, ledger.briefs(plan.trials), specs)
    names = measure.counts(missing)["metrics"]
    if not names:
        return False
    results = Lazily(ledger, missing)
    trials = sum(bool(lacks.metrics) for lacks in missing.values())
    what = ", ".join(f"{name} ({count})" for name, count in names.items())
    console.print(f"metrics to compute for {trials} finished trials: {what}", highlight=False, soft_wrap=True)
    watch = MeasureWatch(console, trials)
    try:
        for _ in measure.measure_all_metrics(ledger, results, missing):
            watch.add()
    finally:
        watch.close()
    return True


def measure_costs(
    plan: Plan, results: dict[str, TrialResult], ledger: Ledger, root: Path, settings: Sweep, console: Console
) -> int:
    """Time one model of each method, now that nothing else runs; returns the exit code."""
    open_ = idle_costs.missing(plan, results, ledger)
    if not open_:
        return 0
    total = sum(map(len, open_.values()))
    console.print(f"costs to measure, each with nothing else running: {total} methods", highlight=False, soft_wrap=True)
    watch = MeasureWatch(console, total, "methods timed")
    try:
        idle_costs.measure(open_, ledger, root / PREPARED, settings, on_method=watch.add)
    except KeyboardInterrupt:
        console.print(f"stopped: costs are still to be measured; {GO_ON}", style="yellow", highlight=False)
        return INTERRUPTED
    finally:
        watch.close()
    return 0


def _choose_engine(settings: Sweep) -> Callable[..., Outcome]:
    """Ray's, but for one trial at a time on this machine without a GPU."""
    if settings.at_once == 1:
        from mmbench.sweep import in_process

        if in_process.suffices(settings):
            return in_process.run
    from mmbench.sweep import engine

    return engine.run


def _run(params: Params, specs: dict[str, DataSpec], ledger: Ledger, root: Path, console: Console) -> tuple[int, Plan]:
    """The exit code, and what has been asked for by the end."""
    # Late: a run with nothing to do needs neither Ray nor MLflow.
    from mmbench.tracking import Tracker

    run = _choose_engine(params.sweep)

    schedule = _schedule(params, specs, root)
    watch = Watch(console, more=lambda: schedule.unasked)

    with Tracker(params.tracking, schedule.whole, specs, root) as tracker:

        def on_result(result: TrialResult) -> None:
            watch.add(result)
            tracker.log(result)

        def on_measured(trial_id: str) -> None:
            watch.add_measured()
            for result in ledger.read([trial_id]).values():
                tracker.log(result)

        try:
            outcome = run(
                scheduled(schedule, ledger, limits_of(params.sweep), root / PREPARED, on_budget=watch.tell_budget),
                ledger,
                params.sweep,
                root / PREPARED,
                on_start=watch.start,
                on_result=on_result,
                on_measured=on_measured,
                on_more=watch.add_more,
                on_silence=watch.tell_silence,
            )
        finally:
            watch.close()
            plan, _ = _look(params, specs, root, ledger)
            if plan != schedule.whole:
                tracker.replan(plan)
    if outcome.ran:
        console.print(
            f"{outcome.ran} trials in {duration(outcome.seconds)}, {outcome.slots} at a time", highlight=False
        )
    if outcome.measured:
        console.print(f"probes measured on {outcome.measured} finished trials", highlight=False)
    if outcome.left or outcome.unmeasured:
        left = " and ".join(
            f"{count} trials are {what}"
            for count, what in ((outcome.left, "left"), (outcome.unmeasured, "still to be measured"))
            if count
        )
        console.print(f"stopped: {left}; {GO_ON}", style="yellow", highlight=False)
        return INTERRUPTED, plan
    return 0, plan


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""
    take_no_arguments(__doc__)
    with terminated_like_interrupted():
        return exit_code(lambda: sweep(Path.cwd(), Console()), "sweep")


if __name__ == "__main__":
    sys.exit(main())
