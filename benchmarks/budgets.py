"""Whether the budget that is found for a data set is a good one: against three epochs, and against a longer one.

`python -m benchmarks.verdict --data CARD... --work FOLDER` makes a project of these data sets (folders with a
dataset.yaml), sweeps it under the budgets that are found, for three epochs, and for three times as long, and prints
what became of the best score, the order of the combinations and every verdict. Then it trains the references, on
which budgets are found, ten times as long. It goes on where it was stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks.verdict import context_of, copy, lengthen, show
from mmbench.errors import UserError
from mmbench.ledger.store import Ledger, limits_of
from mmbench.project.create import SETTINGS as TEMPLATE
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, RAW, SETTINGS
from mmbench.registry import Axis, variants
from mmbench.report.scores.context import Context
from mmbench.schema.params import load_params
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State
from mmbench.stages.prepare import prepare
from mmbench.stages.sweep import sweep
from mmbench.sweep import engine
from mmbench.sweep.planning.plan import job_of, load_specs
from mmbench.sweep.progress import Watch
from mmbench.sweep.rounds.calibration import references
from mmbench.sweep.rounds.schedule import Schedule
from mmbench.sweep.rounds.work import planned

EPOCHS, RATE = 3, 0.003
"""What used to be the default."""
KINDS: tuple[Axis, ...] = ("attention", "fusion", "architecture")
FAR = 10
"""Times the budget, for the references."""
LIMIT_S = 7200
"""Of a trial: some are thirty times as long as usual."""


def levels(choices: Sequence[str]) -> dict[str, list[str]]:
    """The grid's settings with these variants only; all of the core for a kind of which none is named."""
    named: dict[str, list[str]] = {kind: [n for n in choices if n in variants(kind)] for kind in KINDS}
    if unknown := [n for n in choices if not any(n in own for own in named.values())]:
        raise UserError(f"no attention, fusion or architecture is called {unknown[0]!r}")
    return {kind: own for kind, own in named.items() if own}


def project(cards: Sequence[Path], folder: Path, seeds: int, choices: Sequence[str] = ()) -> Path:
    """A new project of these data sets, prepared; nothing is done again."""
    if not (folder / SETTINGS).exists():
        raw = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
        raw["grid"] |= {"datasets": [card.name for card in cards], "seeds": seeds}
        raw["grid"] |= levels(choices)
        raw["controls"]["budgets"] = []
        raw["tracking"]["enabled"] = False
        raw["sweep"]["time_limit_s"] = LIMIT_S
        for card in cards:
            shutil.copytree(card, folder / RAW / card.name, dirs_exist_ok=True)
            print(prepare(folder, card.name))
        (folder / SETTINGS).write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def fixed(found: Path, folder: Path) -> Path:
    """The same project with three epochs and one learning rate."""
    if not (folder / SETTINGS).exists():
        for part in (PREPARED, RAW):
            shutil.copytree(found / part, folder / part, dirs_exist_ok=True)
        raw = yaml.safe_load((found / SETTINGS).read_text(encoding="utf-8"))
        raw["train"] |= {"epochs": EPOCHS, "learning_rate": RATE}
        (folder / SETTINGS).write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def compare(
    cards: Sequence[Path], work: Path, *, seeds: int, factor: float, choices: Sequence[str] = (), further: bool = True
) -> int:
    """The exit code: 0 where the verdicts under the budgets that are found hold under longer ones.

    choices: variants that stand for their kind, where time lacks for all. further: train the references ten times as
    long, too."""
    console = Console(stderr=True)
    found = project(cards, work / "found", seeds, choices)
    folders = [found]
    if (code := sweep(found, console)) != 0:
        return code
    folders += [fixed(found, work / "three"), copy(found, work / "longer")]
    lengthen(folders[-1], factor)
    for folder in folders[1:]:
        if (code := sweep(folder, console)) != 0:
            return code
    own, three, longer = map(context_of, folders)
    for line in told(found, own):
        print(line)
    show(f"{EPOCHS} epochs (before) and the budget that was found (after)", three, own, allow=False)
    held = show(f"the budget that was found (before) and {factor:g} times as long (after)", own, longer, allow=False)
    for name, words in far(found, console) if further else ():
        print(f"{name}: {words}")
    return 0 if held else 1


def told(folder: Path, context: Context) -> Iterator[str]:
    """What was found for each data set, and which share of all time it took to find it."""
    planned_ids = {job.trial_id for job in context.plan.trials}
    results = Ledger(folder / LEDGER).read().values()
    for name, budget in context.budgets.items():
        own = [r for r in results if r.config.dataset == name]
        sought = sum(r.seconds for r in own if r.trial_id not in planned_ids)
        whole = sum(r.seconds for r in own)
        yield f"{name}: {budget.why}; finding it took {sought / whole:.1%} of all training time ({whole:.0f} s)"


def far(folder: Path, console: Console) -> Iterator[tuple[str, str]]:
    """How far the references would come, on validation, with ten times the budget."""
    params = load_params(folder / SETTINGS)
    specs = load_specs(params, folder)
    schedule = Schedule(params=params, specs=specs, root=folder, folder=folder / BUDGET)
    ledger, watch = Ledger(folder / LEDGER), Watch(console)
    pairs: list[tuple[Job, Job]] = []
    for name, spec in specs.items():
        for config in references([j for j in schedule.whole.jobs if j.config.dataset == name]):
            assert config.train is not None
            train = config.train.model_copy(update={"epochs": FAR * config.train.epochs})
            longer = config.model_copy(update={"train": train})
            pairs.append((job_of(config, spec, None, None), job_of(longer, spec, None, None)))
    plan = Plan(jobs=tuple(longer for _, longer in pairs), skipped=())
    with ledger.lock():
        work = planned(plan, ledger, limits_of(params.sweep), folder / PREPARED)
        engine.run(work, ledger, params.sweep, folder / PREPARED, on_start=watch.start, on_result=watch.add)
        watch.close()
    results = ledger.read([job.trial_id for pair in pairs for job in pair])
    for usual, longer in pairs:
        before, after = results.get(usual.trial_id), results.get(longer.trial_id)
        if before is None or after is None or {before.state, after.state} != {State.DONE}:
            yield usual.config.dataset, f"{usual.config.cell} did not end well"
            continue
        metric = specs[usual.config.dataset].task.metric
        first, then = before.metrics["validation"][metric], after.metrics["validation"][metric]
        yield usual.config.dataset, f"{usual.config.cell}: {metric} {first:.3f}, {FAR} times as long {then:.3f}"
