"""`mmbench plan`: what the settings mean, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from mmbench.cli.commands import renamed_option
from mmbench.cli.output import Row, as_json, heading, spinner, table
from mmbench.cli.plan_needs import (
    Steps,
    disk,
    jobs_left,
    memory,
    peak_bytes,
    race_words,
    time_left_of,
    time_words,
    tried,
)
from mmbench.cli.project import Loaded, Project, as_json_option, load, on_project
from mmbench.cli.status import unmeasured_line
from mmbench.errors import UserError, suggest
from mmbench.registry import GRID_AXES

if TYPE_CHECKING:
    from mmbench.schema.params import Params
    from mmbench.schema.trial import TrialConfig
    from mmbench.sweep.planning.cell_costs import Count
    from mmbench.sweep.rounds.schedule import Stand

Costs = Mapping[tuple[str, str], "Count | str"]
"""By data set and cell; the reason where a model cannot be built."""
ROLES = {"cell": "combinations", "single": "single modalities", "baseline": "baselines"}


def with_grid(params: Params, levels: str | None) -> Params:
    """The settings with all three axes of the grid at `core` or `full`."""
    if levels is None:
        return params
    grid = params.grid.model_copy(update=dict.fromkeys(GRID_AXES, levels))
    return params.model_copy(update={"grid": grid})


def for_dataset(params: Params, name: str | None, project: Project) -> Params:
    """The settings with this data set alone in the grid. Raises UserError where there is none of that name, or where it
    is not prepared."""
    if name is None:
        return params
    from mmbench.project.folders import PREPARED
    from mmbench.sweep.planning.plan import known_datasets

    known = known_datasets(project.root)
    if name not in known:
        raise UserError(f"unknown data set {name!r} in --for{suggest(name, known)}")
    if name not in params.grid.datasets and not (project.root / PREPARED / name / "spec.json").exists():
        raise UserError(
            f"data set {name} is not prepared yet; write {project.with_dataset(name)} into {project.params_file} "
            f"and run `dvc repro prepare@{name}`"
        )
    return params.model_copy(update={"grid": params.grid.model_copy(update={"datasets": (name,)})})


def _load(project: Project, params: Params, *, costs: bool) -> tuple[Loaded, Costs]:
    """The plan, and what its models cost, where that is asked for: counting builds models, which takes PyTorch."""
    if not costs:
        return load(project, params), {}
    from mmbench.sweep.planning import cell_costs
    from mmbench.sweep.planning.model_counts import ModelCounter

    counter = ModelCounter()
    loaded = load(project, params, counter)
    return loaded, cell_costs.costs(loaded.plan, loaded.specs, counter)


def _pending(loaded: Loaded) -> set[str]:
    from mmbench.ledger.store import limits_of

    return {job.trial_id for job in loaded.ledger.pending(loaded.plan, limits_of(loaded.params.sweep))}


def _unmeasured(loaded: Loaded) -> dict[str, dict[str, int]]:
    from mmbench.sweep.measure import counts, missing

    return counts(missing(loaded.plan, loaded.ledger.briefs(loaded.plan.trials), loaded.specs))


def _trial(config: TrialConfig, state: str, costs: Costs, **more: str) -> dict[str, Any]:
    cost = costs.get((config.dataset, config.cell))
    counts: dict[str, Any] = {"parameters": None, "flops": None}
    if isinstance(cost, str):
        more["cannot_be_built"] = cost
    elif cost is not None:
        counts = {"parameters": cost.parameters, "flops": cost.flops}
    return {"name": config.name, "state": state, **counts, **more, **config.model_dump(mode="json")}


def _trials(loaded: Loaded, pending: set[str], costs: Costs) -> list[dict[str, Any]]:
    """Every declared trial, in the order in which they run; the skipped ones last."""
    found = []
    for job in loaded.plan.trials:
        state = "pending" if job.trial_id in pending else loaded.results[job.trial_id].state.value
        found.append({"trial_id": job.trial_id} | _trial(job.config, state, costs))
    return found + [_trial(skip.config, "skipped", costs, reason=skip.reason) for skip in loaded.plan.skipped]


def _show_cells(loaded: Loaded, costs: Costs) -> None:
    """What every model costs, one table per data set."""
    matched = loaded.params.model.match_params
    configs = {(job.config.dataset, job.config.cell): job.config for job in loaded.plan.jobs}
    for name in loaded.params.grid.datasets:
        rows: list[Row] = []
        for (dataset, cell), cost in costs.items():
            if dataset == name:
                size = configs[dataset, cell].model
                assert size is not None
                sizes: Row = [size.width, f"{size.mlp_ratio:g}", f"{size.head_ratio:g}"] if matched else []
                counts: Row = ["–", "–"] if isinstance(cost, str) else [cost.parameters, cost.flops]
                rows.append([cell, *sizes, *counts])
        heading(f"{name}: {len(rows)} models")
        header = ["width", "mlp_ratio", "head_ratio"] if matched else []
        table(["model", *header, "parameters", "FLOPs"], rows)
    broken = Counter(cost for cost in costs.values() if isinstance(cost, str))
    if broken:
        heading("Cannot be built")
        table(["models", "reason"], [[count, reason] for reason, count in broken.most_common()])
    click.echo()


def _show(loaded: Loaded, trials: list[dict[str, Any]], timed: Steps) -> None:
    from mmbench.sweep.wording import under_others

    pending = sum(trial["state"] == "pending" for trial in trials)
    skipped = len(loaded.plan.skipped)
    finished = len(trials) - pending - skipped
    others = under_others(len(loaded.plan.ladder))
    click.echo(f"{len(trials)} trials declared{others}: {pending} pending, {finished} finished, {skipped} skipped")
    for axis in GRID_AXES:
        labels = dict.fromkeys(c.label for t in _configs(loaded) if (c := getattr(t, axis)) is not None)
        click.echo(f"{axis} ({len(labels)}): {', '.join(labels)}")
    grid = loaded.params.grid
    more = f", and up to {grid.most_seeds} where the verdict is open" if grid.race is not None else ""
    click.echo(f"seeds: {grid.least_seeds}{more}")
    if (budget := loaded.params.sweep.budget) is not None:
        click.echo(race_words(budget, loaded))
    for name, stand in loaded.stands.items():
        if stand.calibrating:
            click.echo(
                f"budget of {name}: not known yet; the sweep finds it first, with trials of its own, and may then "
                "train others than are counted here"
            )
        elif stand.budget is not None:
            click.echo(f"budget of {name}: {stand.budget.why}")
    for text in _no_other_budgets(loaded):
        click.echo(text)
    if loaded.params.model.match_params:
        click.echo(_describe_matching(loaded))
    rows: list[list[str | int]] = []
    for name in loaded.params.grid.datasets:
        own = [t for t in trials if t["dataset"] == name]
        roles, states = Counter(t["role"] for t in own), Counter(t["state"] for t in own)
        done = len(own) - states["pending"] - states["skipped"]
        counts = [roles[role] for role in ROLES]
        rows.append(
            [name, " + ".join(loaded.specs[name].modalities), *counts, states["skipped"], done, states["pending"]]
        )
    heading("Trials by data set")
    table(["data set", "modalities", *ROLES.values(), "skipped", "finished", "pending"], rows)
    if skipped:
        heading("Skipped")
        reasons = Counter(skip.reason for skip in loaded.plan.skipped)
        table(["trials", "reason"], [[count, reason] for reason, count in reasons.most_common()])
    if (lacking := unmeasured_line(_unmeasured(loaded))) is not None:
        click.echo()
        click.echo(lacking)
    for text in _warnings(loaded):
        click.echo()
        click.secho(f"warning: {text}", fg="yellow")
    if pending:
        click.echo()
        click.echo(f"Time: {time_words(loaded, timed)}")
        click.echo(f"Memory: {memory(loaded, timed)}")
        click.echo(f"Disk: {disk(loaded)}")
        click.echo(
            "`dvc repro` runs what is pending; `mmbench plan --cells` shows the size of each model, `--json` every "
            "trial."
        )
    elif any(stand.calibrating for stand in loaded.stands.values()):
        click.echo()
        click.echo("Time: not known before the search for the budget, which `dvc repro` makes first.")


def _no_other_budgets(loaded: Loaded) -> Iterator[str]:
    """Which of controls.budgets come to nothing, and why."""
    from mmbench.sweep.planning.ladder import epochs_at
    from mmbench.sweep.planning.plan import ladder_budgets

    train, factors = loaded.params.train, ladder_budgets(loaded.params)
    if loaded.params.controls.budgets and not factors:
        tuned = loaded.params.tuning.configurations > 1
        why = "with tuning.configurations, each method has a length of its own" if tuned else "one seed has no verdicts"
        yield f"controls.budgets is left out: {why}"
    for name, stand in loaded.stands.items():
        epochs = stand.budget.epochs if stand.budget is not None else train.epochs
        if epochs == "auto":
            continue
        gone = [f"{factor:g}" for factor in factors if epochs_at(factor, epochs) is None]
        if gone:
            yield (
                f"controls.budgets: {', '.join(gone)} on {name} is left out, since it is no other number of whole "
                f"epochs than {epochs}"
            )


def _warnings(loaded: Loaded) -> list[str]:
    from mmbench.schema import few_samples

    return list(few_samples.warnings_of(loaded.specs.values()))


def _budget(stand: Stand) -> dict[str, Any] | None:
    """None where it is not known yet."""
    if stand.budget is None:
        return None
    return {"epochs": stand.budget.epochs, "steps": stand.budget.steps, "learning_rate": stand.budget.learning_rate}


def _describe_matching(loaded: Loaded) -> str:
    """To how many parameters, and over which widths."""
    from mmbench.sweep.planning.match_parameters import NAME, TOLERANCE, Matcher
    from mmbench.sweep.planning.model_counts import ModelCounter

    matcher = Matcher(loaded.params.model, ModelCounter())
    shown = []
    for name in loaded.params.grid.datasets:
        widths = {t.model.width for t in _configs(loaded) if t.dataset == name and t.model is not None}
        span = f" (widths {min(widths)} to {max(widths)})" if widths else ""
        shown.append(f"{name} {matcher.target(loaded.specs[name]):,}{span}")
    return f"parameters matched to those of {NAME} within {TOLERANCE:.1%}: {', '.join(shown)}"


def _configs(loaded: Loaded) -> list[TrialConfig]:
    return [job.config for job in loaded.plan.jobs] + [skip.config for skip in loaded.plan.skipped]


@click.command(short_help="What the settings mean, before anything runs.")
@click.option("--grid", type=click.Choice(["core", "full"]), help="Use these levels instead of those in params.yaml.")
@renamed_option("--profile", "--grid")
@click.option(
    "--cells/--no-cells",
    default=None,
    help="Show parameters and FLOPs of every model; on by default with --grid or --json.",
)
@click.option("--time", is_flag=True, help="Try a few gradient steps of every model, to estimate time and memory.")
@click.option("--for", "dataset", metavar="DATASET", help="Plan for this data set alone.")
@on_project
@as_json_option
def plan(
    project: Project, *, grid: str | None, cells: bool | None, time: bool, dataset: str | None, json_: bool
) -> None:
    """Show which trials the settings declare, which are impossible and why, which are still to run, and what those
    need: time, memory and disk.

    FLOPs are those of a forward pass for one sample.
    """
    if cells is None:
        cells = json_ or grid is not None
    with spinner("planning"):
        loaded, counts = _load(project, for_dataset(with_grid(project.params(), grid), dataset, project), costs=cells)
        trials = _trials(loaded, _pending(loaded), counts)
    timed: Steps = {}
    if time:
        with spinner("trying a few steps of every model"):
            timed = tried(loaded, project)
    if json_:
        from mmbench.sweep.planning.space import on_disk

        states = Counter(trial["state"] for trial in trials)
        budgets = {name: _budget(stand) for name, stand in loaded.stands.items() if stand.calibrating or stand.budget}
        as_json(
            {
                "declared": len(trials),
                "states": dict(states),
                "unmeasured": _unmeasured(loaded),
                "budgets": budgets,
                "time_left": vars(time_left_of(loaded, timed)),
                "memory_per_trial": peak_bytes(loaded, timed),
                "disk": on_disk(jobs_left(loaded), loaded.specs, loaded.params.probes),
                "warnings": _warnings(loaded),
                "trials": trials,
            }
        )
        return
    if counts:
        _show_cells(loaded, counts)
    _show(loaded, trials, timed)
