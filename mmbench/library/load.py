"""Results that were kept before, of one machine or several, as objects again; and two sets of results compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.library.results import Results
from mmbench.library.run import default_settings
from mmbench.project.folders import LEDGER, PREPARED
from mmbench.report.trials import merge, sources
from mmbench.report.trials.sources import Part
from mmbench.schema.dataset import DataSpec, Modality, load_spec
from mmbench.schema.metric import METRICS
from mmbench.schema.params import Params
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import TrialResult
from mmbench.schema.strict_yaml import parse
from mmbench.schema.task import Task, TaskKind, task_of

if TYPE_CHECKING:
    from mmbench.report.compare import Comparison

CONFIDENCE, ROPE = 0.95, 0.01


def load_results(*paths: str | Path) -> Results:
    """Results of ledgers, folders of projects or results.parquet files, put together.

    Of a combination in several versions (settings, data or source) the newest is taken. Raises UserError where there
    are no results, or where two sources disagree on a trial.
    """
    from mmbench.report.compare import versions

    if not paths:
        raise UserError("name at least one ledger, folder of a project, or results.parquet")
    parts = [sources.read(Path(p), str(p)) for p in paths]
    whole = {i: r for part in parts for i, r in part.results.items()}
    merged, _ = merge.merge(parts, _plan(whole))
    metrics = {name: metric for part in parts for name, metric in part.metrics.items()}
    newest, _ = versions(Part(name="", kind="ledger", results=merged, metrics=metrics))
    results = {r.trial_id: r for trials in newest.values() for r in trials.values()}
    results |= _drawn(merged, results)
    plan = _plan(results)
    specs = {name: _spec(name, results, metrics, paths) for name in dict.fromkeys(j.config.dataset for j in plan.jobs)}
    root = next((Path(p) for p in paths if (Path(p) / LEDGER).is_dir()), Path(paths[0]))
    ledger, *others = [_ledger(root), *(_ledger(Path(p)) for p in paths if Path(p) != root and Path(p).is_dir())]
    return Results(
        params=_params(plan),
        plan=plan,
        results=results,
        specs=specs,
        prepared=root / PREPARED,
        ledger=ledger,
        others=tuple(others),
    )


def _drawn(merged: Mapping[str, TrialResult], kept: Mapping[str, TrialResult]) -> dict[str, TrialResult]:
    """The other configurations of the studies that these trials belong to; of several with one number the newest."""

    def study(r: TrialResult) -> tuple[str, str, int, str, str]:
        origin = r.provenance
        return r.config.dataset, r.config.cell, r.config.seed, origin.data_hash, origin.fingerprint

    known = {study(r) for r in kept.values()}
    newest: dict[tuple[object, ...], TrialResult] = {}
    for r in sorted(merged.values(), key=lambda r: (r.started, r.trial_id)):
        if r.config.configuration and study(r) in known:
            newest[*study(r), r.config.configuration] = r
    return {r.trial_id: r for r in newest.values()}


def _ledger(folder: Path) -> Ledger:
    """Of a project's folder, or the folder itself."""
    return Ledger(folder / LEDGER if (folder / LEDGER).is_dir() else folder)


def compare(old: Results | str | Path, new: Results | str | Path) -> Comparison:
    """What changed from old to new, cell by cell, and whether it is more than noise."""
    from mmbench.report.compare import compare as compare_parts

    return compare_parts(_part(old, "old"), _part(new, "new"), confidence=CONFIDENCE, rope=ROPE)


def _part(results: Results | str | Path, name: str) -> Part:
    if isinstance(results, Results):
        metrics = {n: spec.task.metric for n, spec in results.specs.items()}
        return Part(name=name, kind="ledger", results=results.results, metrics=metrics)
    return sources.read(Path(results), str(results))


def _plan(results: Mapping[str, TrialResult]) -> Plan:
    jobs = [
        Job(
            trial_id=r.trial_id,
            config=r.config,
            data_hash=r.provenance.data_hash,
            fingerprint=r.provenance.fingerprint,
            commit=r.provenance.commit,
            dirty=r.provenance.dirty,
        )
        for r in results.values()
    ]
    return Plan(jobs=tuple(sorted(jobs, key=lambda j: (j.config.seed, j.config.name))), skipped=())


def _params(plan: Plan) -> Params:
    raw = default_settings()
    trained = next((j.config for j in plan.jobs if j.config.train is not None), None)
    raw["grid"] |= {
        "datasets": list(dict.fromkeys(j.config.dataset for j in plan.jobs)),
        "seeds": 1 + max(j.config.seed for j in plan.jobs),
    }
    raw["tuning"]["configurations"] = 1 + max(j.config.configuration for j in plan.jobs)
    params: Params = parse(Params, raw, Path("results"))
    return params if trained is None or trained.train is None else params.model_copy(update={"train": trained.train})


def _spec(
    name: str, results: Mapping[str, TrialResult], metrics: Mapping[str, str], paths: tuple[str | Path, ...]
) -> DataSpec:
    """What the data set is: as a project's folder says, or as far as its trials say."""
    own = [r for r in results.values() if r.config.dataset == name]
    for path in paths:
        for root in (Path(path), *Path(path).resolve().parents[:2]):
            if (root / PREPARED / name / "spec.json").is_file():
                spec = load_spec(root / PREPARED / name)
                if spec.hash in {r.provenance.data_hash for r in own}:
                    return spec
    modalities = dict.fromkeys(m for r in own for m in r.config.modalities)
    return DataSpec(
        name=name,
        description="known from its trials alone",
        modalities={m: Modality(kind="feature", shape=(1,)) for m in modalities},
        task=_task(own, metrics.get(name)),
        splits={"train": 1, "validation": 1, "test": 1},
        chance=None,
        ceiling=None,
        licence="",
        source="",
        hash=own[0].provenance.data_hash,
    )


def _task(own: list[TrialResult], metric: str | None) -> Task:
    """The first kind of task that has every metric of the trials."""
    found = {m for r in own for scores in r.metrics.values() for m in scores} | ({metric} if metric else set())
    kinds: tuple[TaskKind, ...] = ("classification", "binary", "multilabel", "regression")
    for kind in kinds:
        if all(kind in METRICS[m].kinds for m in found if m in METRICS):
            return task_of(kind, ("0", "1") if kind != "regression" else ("y",), metric)
    return task_of("classification", ("0", "1"))
