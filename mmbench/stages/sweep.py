"""Stage `sweep`: run every trial of params.yaml that the ledger lacks. Ends with 0 only when none is left.

A trial that fails, diverges or hits a limit has a result too: it is reported, and does not count as left.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from mmbench.ledger.store import Ledger, coverage, limits_of
from mmbench.project.folders import LEDGER, PREPARED, SETTINGS
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params, load_params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.stages import GO_ON, INTERRUPTED, exit_code
from mmbench.sweep.plan import build, load_specs
from mmbench.sweep.progress import Watch, duration, summary


def sweep(root: Path, console: Console) -> int:
    """Run what is pending in the project at `root`; returns the exit code.

    Raises UserError for what a person can put right, KeyboardInterrupt where Ctrl-C came before the first trial.
    """
    params = load_params(root / SETTINGS)
    specs = load_specs(params, root)
    plan = build(params, specs, root=root)
    ledger = Ledger(root / LEDGER)
    code = 0
    with ledger.lock():
        pending = ledger.pending(plan, limits_of(params.sweep))
        for file, reason in ledger.broken.items():
            console.print(f"{file} is no result ({reason}); its trial runs again", style="yellow", soft_wrap=True)
        if pending:
            code = _run(params, plan, specs, ledger, root, console)
        results = ledger.of(plan.jobs)
    summary(console, coverage(plan, results), results)
    return code


def _run(params: Params, plan: Plan, specs: dict[str, DataSpec], ledger: Ledger, root: Path, console: Console) -> int:
    # Late: a run with nothing to do needs neither Ray nor MLflow.
    from mmbench.sweep import engine
    from mmbench.tracking import Tracker

    watch = Watch(console)

    with Tracker(params.tracking, plan, specs, root) as tracker:

        def on_result(result: TrialResult) -> None:
            watch.add(result)
            tracker.log(result)

        try:
            outcome = engine.run(plan, ledger, params.sweep, root / PREPARED, on_start=watch.start, on_result=on_result)
        finally:
            watch.close()
    console.print(f"{outcome.ran} trials in {duration(outcome.seconds)}, {outcome.slots} at a time", highlight=False)
    if outcome.left:
        console.print(f"stopped: {outcome.left} trials are left; {GO_ON}", style="yellow", highlight=False)
        return INTERRUPTED
    return 0


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""
    return exit_code(lambda: sweep(Path.cwd(), Console()), "sweep")


if __name__ == "__main__":
    sys.exit(main())
