"""`mmbench.run`: every combination on data in memory, as the sweep of a project runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import yaml
from rich.console import Console

from mmbench.errors import UserError, suggest
from mmbench.ledger.store import Ledger, limits_of
from mmbench.library.dataset import Dataset
from mmbench.library.results import Results
from mmbench.library.variants import levels
from mmbench.project.create import SETTINGS
from mmbench.project.folders import BUDGET, LEDGER, PREPARED
from mmbench.schema.dataset import DataSpec, load_spec
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.schema.strict_yaml import parse
from mmbench.stages.sweep import compute_metrics
from mmbench.sweep.progress import Watch
from mmbench.sweep.rounds.assignment import Outcome, assignments
from mmbench.sweep.rounds.schedule import Schedule, declared
from mmbench.sweep.rounds.work import scheduled

USUAL_RATE = 0.003
SECTIONS = ("train", "tuning", "model", "controls", "sweep", "report")


def run(
    data: Dataset | Sequence[Dataset],
    *,
    attention: Any = "core",
    fusion: Any = "core",
    architecture: Any = "core",
    seeds: int | Mapping[str, int] = 3,
    workers: int | str = "auto",
    folder: str | Path | None = None,
    train: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    progress: bool = True,
    **settings: Any,
) -> Results:
    """Train every combination on every data set under one budget; what is in the folder already is not trained again.

    Args:
        data: one data set or several.
        attention: names, classes, `{name: {option: value}}`, "core" or "full", or a list of these; so are `fusion` and
            `architecture`.
        seeds: 5 means the seeds 0 to 4; {"least": 3, "most": 12} gives more to those whose verdict is open.
        workers: trials at a time; 1 trains in this process, more go through Ray; "auto" is one for each core.
        folder: where results are kept; default: that of the data.
        train, model: settings of these sections of params.yaml, whose defaults hold for the rest.
        progress: whether it is shown.
        settings: any other setting by its name, such as epochs=5, width=64, single_modalities=False. Without epochs, a
            budget is found first; with them, the learning rate is 0.003 unless it is given. budgets=[0.5, 2] trains
            all once more for half and for twice as long, to see whether verdicts last.

    Raises UserError for what cannot be; KeyboardInterrupt after Ctrl-C, when what has finished is kept.
    """
    sets = [data] if isinstance(data, Dataset) else list(data)
    root = _root(sets, folder)
    params = _params(
        sets,
        seeds,
        workers,
        settings | dict(train or {}) | dict(model or {}),
        {
            "attention": levels("attention", attention),
            "fusion": levels("fusion", fusion),
            "architecture": levels("architecture", architecture),
        },
    )
    specs = {d.name: d.spec for d in sets}
    prepared = sets[0].folder / PREPARED
    ledger = Ledger(root / LEDGER)

    def schedule() -> Schedule:
        return Schedule(params=params, specs=specs, root=Path.cwd(), folder=root / BUDGET)

    with ledger.lock():
        _train(params, schedule, specs, ledger, prepared, Console(quiet=not progress))
        now = schedule()
        plan, results = _look(now, ledger)
    return Results(
        params=params, plan=plan, results=results, specs=specs, prepared=prepared, ledger=ledger, stands=now.stands
    )


def _look(schedule: Schedule, ledger: Ledger) -> tuple[Plan, dict[str, TrialResult]]:
    """What has been asked for so far, and its results."""
    plan = declared(schedule, ledger.of(schedule.whole.trials))
    return plan, ledger.of(plan.trials)


def _root(sets: Sequence[Dataset], folder: str | Path | None) -> Path:
    if not sets or not all(isinstance(d, Dataset) for d in sets):
        raise UserError("give a data set of mmbench.dataset(...), or a list of them")
    names = [d.name for d in sets]
    if len(set(names)) < len(names):
        raise UserError(f"two data sets have one name ({', '.join(names)}); rename one")
    if len({d.folder.resolve() for d in sets}) > 1:
        raise UserError("the data sets are kept in different folders; make them with one `folder`")
    for d in sets:
        if load_spec(d.prepared).hash != d.spec.hash:
            raise UserError(
                f"{d.prepared} holds another data set now; give data sets different names, or make it again"
            )
    return Path(folder) if folder is not None else sets[0].folder


def default_settings() -> dict[str, Any]:
    """Those of a new project."""
    raw: dict[str, Any] = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    return raw


def merge_settings(raw: dict[str, Any], settings: Mapping[str, Any]) -> None:
    """Put each setting into the section that has it. Raises UserError for one that no section has."""
    homes = {name: section for section in SECTIONS for name in Params.model_fields[section].annotation.model_fields}  # type: ignore[union-attr]
    for name, value in settings.items():
        if name not in homes:
            raise UserError(f"unknown setting {name!r}{suggest(name, homes)}")
        raw[homes[name]][name] = list(value) if isinstance(value, tuple) else value


def _params(
    sets: Sequence[Dataset],
    seeds: int | Mapping[str, int],
    workers: int | str,
    settings: Mapping[str, Any],
    axes: Mapping[str, Any],
) -> Params:
    workers = _plain(workers)
    if not (workers == "auto" or (isinstance(workers, int) and not isinstance(workers, bool) and workers > 0)):
        raise UserError(f"workers is {workers!r}; give a number of trials at a time, or 'auto'")
    raw = default_settings()
    raw["tracking"]["enabled"] = False
    raw["grid"] = {
        "datasets": [d.name for d in sets],
        "seeds": seeds,
        **axes,
    }
    raw["sweep"]["at_once"] = workers
    # Nearly as many trials again as those of three seeds: for who asks for it.
    raw["controls"]["budgets"] = []
    if "epochs" in settings:
        # Who says how long wants no search either, unless asked for.
        settings = {"learning_rate": USUAL_RATE} | dict(settings)
    merge_settings(raw, settings)
    params: Params = parse(Params, _plain(raw), Path("run"))
    return params


def _plain(value: Any) -> Any:
    """Settings without NumPy's numbers, which loops over `np.arange` or `np.linspace` hand over."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _train(
    params: Params,
    schedule: Callable[[], Schedule],
    specs: dict[str, DataSpec],
    ledger: Ledger,
    prepared: Path,
    console: Console,
) -> None:
    """Train what is pending, and measure what finished trials lack."""
    compute_metrics(_look(schedule(), ledger)[0], specs, ledger, console)
    at_once = joblib.cpu_count() if params.sweep.at_once == "auto" else params.sweep.at_once
    # A probe for which a trial's own time did not suffice is measured in a second round, with a limit of its own.
    for _ in range(2):
        now = schedule()
        plan, _ = _look(now, ledger)
        calibrating = any(stand.calibrating for stand in now.stands.values())
        if not calibrating and not assignments(plan, ledger, limits_of(params.sweep), prepared):
            return
        outcome = _run(params, schedule(), ledger, prepared, console, alone=at_once == 1)
        if outcome.left or outcome.unmeasured:
            said = f"stopped: {outcome.ran} trials are kept, {outcome.left} are left; the same call goes on from here"
            console.print(said, style="yellow", highlight=False)
            raise KeyboardInterrupt(said)


def _run(
    params: Params, schedule: Schedule, ledger: Ledger, prepared: Path, console: Console, *, alone: bool
) -> Outcome:
    """alone: in this process; else through Ray, which takes seconds to import."""
    if alone:
        from mmbench.sweep.in_process import run
    else:
        from mmbench.sweep.engine import run
    watch = Watch(console, more=lambda: schedule.unasked)
    try:
        return run(
            scheduled(schedule, ledger, limits_of(params.sweep), prepared, on_budget=watch.tell_budget),
            ledger,
            params.sweep,
            prepared,
            on_start=watch.start,
            on_result=watch.add,
            on_measured=lambda _: watch.add_measured(),
            on_more=watch.add_more,
            on_silence=watch.tell_silence,
        )
    finally:
        watch.close()
