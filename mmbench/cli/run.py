"""`mmbench run`: one trial, by names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from mmbench.cli.output import as_json, heading, spinner, table
from mmbench.cli.project import Project, as_json_option, load_specs, on_project
from mmbench.errors import UserError, suggest
from mmbench.project.folders import BUDGET
from mmbench.registry import GRID_AXES, Axis, check_options, get

if TYPE_CHECKING:
    from mmbench.ledger.store import Ledger
    from mmbench.schema.dataset import DataSpec
    from mmbench.schema.params import Choice, Params, Training
    from mmbench.schema.plan import Job
    from mmbench.schema.result import TrialResult
    from mmbench.sweep.files import TrialFiles

SIZES = ("width", "depth", "heads")
TRAINING = ("epochs", "batch_size", "learning_rate")
POSITIVE = click.IntRange(min=1)
MOST_SEEDS = 1000
"""As of grid.seeds; the plan that holds the trial is made seed by seed."""


def _choice(axis: Axis, text: str) -> Choice:
    """`additive`, or `additive: {score_dim: 4}` -> a checked level. Raises UserError naming the option."""
    from mmbench.schema.params import Choice

    where = f"--{axis}"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{where} {text!r} is neither a name nor `name: {{option: value}}`") from None
    name, options = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else (text, {})
    if not isinstance(options, dict):
        raise UserError(f"{where} {text!r} is neither a name nor `name: {{option: value}}`")
    check_options(get(axis, str(name), where=where), options, where=where)
    return Choice(name=str(name), options=options)


def _narrow(params: Params, root: Path, dataset: str, seed: int, options: dict[str, Any]) -> Params:
    """The settings whose plan holds the one trial: so it is checked, named and identified as a sweep's would be."""
    from mmbench.schema.params import Params
    from mmbench.schema.strict_yaml import parse
    from mmbench.sweep.planning.plan import known_datasets

    known = known_datasets(root)
    if dataset not in known:
        raise UserError(f"unknown data set {dataset!r} in --dataset{suggest(dataset, known)}")
    raw = params.model_dump(mode="json")
    raw["model"] |= {key: options[key] for key in SIZES if options[key] is not None}
    raw["train"] |= {key: options[key] for key in TRAINING if options[key] is not None}
    changed: Params = parse(Params, raw, Path("the command line"))
    axes = GRID_AXES
    chosen: dict[str, Any] = {
        axis: (_choice(axis, options[axis]),) if options[axis] is not None else "core" for axis in axes
    }
    baseline = options["baseline"]
    if baseline is not None:
        get("baseline", baseline, where="--baseline")
    grid = changed.grid.model_copy(update={"datasets": (dataset,), "seeds": seed + 1, **chosen})
    controls = changed.controls.model_copy(
        update={"single_modalities": options["single"] is not None, "baselines": (baseline,) if baseline else ()}
    )
    return changed.model_copy(update={"grid": grid, "controls": controls})


def _training(project: Project, params: Params, spec: DataSpec) -> dict[str, Training]:
    """What the sweep found for this data set, where the settings leave it to be found. params: with the options in
    place. Raises UserError where it has not been found yet."""
    if not params.train.is_auto:
        return {}
    from mmbench.schema.budget import load_budget

    budget = load_budget(project.root / BUDGET, project.params(), spec)
    if budget is None:
        asked = [f"train.{name}" for name in ("epochs", "learning_rate") if getattr(params.train, name) == "auto"]
        ways = " and ".join(f"--{name.removeprefix('train.').replace('_', '-')}" for name in asked)
        raise UserError(
            f"{' and '.join(asked)} {'is' if len(asked) == 1 else 'are'} auto, and no sweep has found a budget for "
            f"{spec.name} yet; give {ways}, or run `dvc repro` first"
        )
    return {spec.name: budget.training(params)}


def _check_call(options: dict[str, Any], seed: int) -> None:
    """Raises UserError where the options do not name exactly one trial."""
    if options["baseline"] is not None:
        given = [a for a in (*GRID_AXES, "single") if options[a] is not None]
        if given:
            raise UserError(f"--baseline is given alone; leave out {', '.join('--' + a for a in given)}")
        if seed:
            raise UserError("--baseline has one seed, 0; leave out --seed")
        return
    needed = ("attention",) if options["single"] is not None else GRID_AXES
    missing = [f"--{axis}" for axis in needed if options[axis] is None]
    if missing:
        raise UserError(f"give {', '.join(missing)} (`mmbench list` shows the names), or --single, or --baseline")
    surplus = [f"--{axis}" for axis in ("fusion", "architecture") if axis not in needed and options[axis] is not None]
    if surplus:
        raise UserError(f"a single modality has no fusion and no architecture; leave out {', '.join(surplus)}")


def _job(project: Project, dataset: str, seed: int, options: dict[str, Any]) -> tuple[Job, DataSpec]:
    from mmbench.sweep.planning.plan import build

    _check_call(options, seed)
    params = _narrow(project.params(), project.root, dataset, seed, options)
    spec = load_specs(params, project.root)[dataset]
    training = _training(project, params, spec)
    single = options["single"]
    if single is not None and single not in spec.modalities:
        raise UserError(f"unknown modality {single!r} of {dataset!r} in --single{suggest(single, spec.modalities)}")
    role = "single" if single is not None else "baseline" if options["baseline"] is not None else "cell"
    plan = build(params, {dataset: spec}, root=project.root, training=training)

    def is_asked_for(config: Any) -> bool:
        return config.role == role and config.seed == seed and single in (None, config.modalities[0])

    for job in plan.jobs:
        if is_asked_for(job.config):
            return job, spec
    raise UserError(f"this trial is impossible: {plan.skipped[0].reason}")


def _run(job: Job, spec: DataSpec, project: Project, *, keep_weights: int) -> TrialFiles:
    from mmbench.ledger.store import limits_of
    from mmbench.sweep.local import run_locally

    folder = project.root / "data" / "prepared" / spec.name
    limits = limits_of(project.params().sweep)
    with spinner(f"training {job.config.name}"):
        return run_locally(job, folder, limits, keep_weights=keep_weights)


def _save(files: TrialFiles, ledger: Ledger, most: int) -> TrialFiles:
    """Keep a trial as a sweep does; returns what is kept. most: bytes of weights that may be kept altogether."""
    from mmbench.sweep.weights import WeightStore

    with ledger.lock():
        kept = WeightStore(ledger, most).fit(files)
        ledger.write(kept.result, kept.outputs, kept.measured, kept.weights)
    return kept


def _quantities(result: TrialResult) -> Iterator[tuple[str, str]]:
    from mmbench.schema.quantity import describe

    for name, value in result.quantities.items():
        quantity = describe(name, value)
        for part, number in quantity.rows(value, result.config.modalities):
            yield f"{quantity.label}, {part}" if part else quantity.label, quantity.text(number)


def _show(result: TrialResult, spec: DataSpec) -> None:
    from mmbench.schema.metric import METRICS
    from mmbench.sweep.wording import duration

    click.secho(result.config.name, bold=True)
    click.echo(f"trial {result.trial_id}: {result.state.replace('_', ' ')} after {duration(result.seconds)}")
    if result.message is not None:
        click.echo(result.message)
    if result.traceback is not None:
        click.echo(result.traceback.rstrip())
    if result.metrics:
        ceiling = "" if spec.ceiling is None else f"ceiling {spec.ceiling:.3f}"
        chance = "" if spec.chance is None else f"constant guess {spec.chance:.3f}"
        main = METRICS[spec.task.metric]
        known = [part for part in (chance, ceiling, "" if main.higher else "lower is better") if part]
        heading(f"Scores ({main.label}: {', '.join(known)})" if known else "Scores")
        found = [name for name in METRICS if any(name in v for v in result.metrics.values())]
        names = sorted(found, key=lambda name: name != spec.task.metric)
        parts = result.metrics.values()
        rows = [[METRICS[n].title, *(f"{part[n]:.3f}" if n in part else "-" for part in parts)] for n in names]
        table(["metric", *result.metrics], rows)
    if result.best_epoch is not None:
        epochs = len(next(iter(result.curves.values())))
        click.echo(f"weights of epoch {result.best_epoch + 1} of {epochs}, the best on validation")
    if result.quantities:
        heading("Measured")
        table(["what", "value"], list(_quantities(result)))


@click.command(short_help="Run one trial, by names.")
@click.option("--dataset", required=True, help="A data set of data/raw.")
@click.option("--attention", help="A name, or 'name: {option: value}'.")
@click.option("--fusion", help="A name, or 'name: {option: value}'.")
@click.option("--architecture", help="A name, or 'name: {option: value}'.")
@click.option("--single", metavar="MODALITY", help="This modality alone, without fusion and architecture.")
@click.option("--baseline", metavar="NAME", help="A baseline, such as linear; see `mmbench list baseline`.")
@click.option("--seed", type=click.IntRange(0, MOST_SEEDS - 1), default=0, show_default=True)
@click.option("--epochs", type=POSITIVE, help="Instead of train.epochs.")
@click.option("--batch-size", type=POSITIVE, help="Instead of train.batch_size.")
@click.option("--learning-rate", type=float, help="Instead of train.learning_rate.")
@click.option("--width", type=POSITIVE, help="Instead of model.width.")
@click.option("--depth", type=POSITIVE, help="Instead of model.depth.")
@click.option("--heads", type=POSITIVE, help="Instead of model.heads.")
@click.option("--save", is_flag=True, help="Keep the result in the ledger.")
@on_project
@as_json_option
def run(project: Project, *, dataset: str, seed: int, save: bool, json_: bool, **options: Any) -> int:
    """Run one trial and show its result.

    It has the settings of params.yaml, unless an option says otherwise. Nothing is kept without --save. The exit code
    is 1 if the trial fails.
    """
    job, spec = _job(project, dataset, seed, options)
    most = int(project.params().sweep.keep_weights * 1e9) if save else 0
    files = _run(job, spec, project, keep_weights=most)
    result = (_save(files, project.ledger(), most) if save else files).complete
    if json_:
        as_json(result.model_dump(mode="json"))
    else:
        _show(result, spec)
    return 0 if result.state == "done" else 1
