"""Invented but realistic ledgers with known truth: what the report finds can be compared with what was planted.

`python -m tests.support.factory FILE` writes one as JSON, to look at the report without training anything.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.metric import METRICS
from mmbench.schema.params import Choice, Params
from mmbench.schema.plan import Plan
from mmbench.schema.quantity import Value
from mmbench.schema.result import Provenance, State, TrialResult
from mmbench.schema.task import Task, TaskKind, task_of
from mmbench.schema.trial import TrialConfig
from tests.support import plain

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = {"early_concat": "early", "cross_attention": "intermediate", "concat": "late (features)"}
EPOCHS, BEST_EPOCH = 10, 7
"""Of every trial: of its curves, and the one at which it was best."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the report reads of a planned trial."""

    trial_id: str
    config: TrialConfig
    data_hash: str
    fingerprint: str
    commit: str | None = "0123456789abcdef0123456789abcdef01234567"
    dirty: bool | None = False


@dataclass(frozen=True, kw_only=True)
class Skip:
    config: TrialConfig
    reason: str


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Expected test score on one data set, of its main metric: base + effects of the levels; singles and baselines
    apart. Of an error an effect below zero is a gain.

    extra: (attention, fusion, architecture) -> of that one cell. baselines: others than `linear` and `majority`, which
    every data set has. unit: by which noise is multiplied.
    """

    base: float
    attention: Mapping[str, float] = field(default_factory=dict)
    fusion: Mapping[str, float] = field(default_factory=dict)
    architecture: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    single: Mapping[str, float] = field(default_factory=dict)
    linear: float = 0.5
    majority: float = 0.1
    baselines: Mapping[str, float] = field(default_factory=dict)
    kind: TaskKind = "classification"
    metric: str | None = None
    targets: tuple[str, ...] = ()
    affect: bool = False
    unit: float = 1.0
    missing: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Made:
    """Everything `analyse` takes."""

    plan: Plan
    results: dict[str, TrialResult]
    specs: dict[str, DataSpec]
    params: Params
    families: dict[str, str]

    def arguments(self) -> dict[str, Any]:
        return {
            "plan": self.plan,
            "results": self.results,
            "specs": self.specs,
            "params": self.params,
            "families": self.families,
        }


TRUTHS = {
    "redundant": Truth(
        base=0.86,
        attention={"additive": 0.03, "scaled_dot_product": 0.032},
        fusion={"concat": 0.02},
        architecture={"independent": 0.01},
        single={"image": 0.68, "audio": 0.66, "text": 0.70, "video": 0.60},
        linear=0.55,
    ),
    "unique": Truth(
        base=0.80,
        attention={"additive": 0.05, "scaled_dot_product": 0.03},
        fusion={"early_concat": -0.03},
        single={"image": 0.1, "audio": 0.8, "text": 0.1},
        linear=0.4,
    ),
    "synergy": Truth(
        base=0.72,
        attention={"additive": 0.06, "scaled_dot_product": 0.06},
        fusion={"cross_attention": 0.05, "early_concat": 0.03},
        architecture={"hybrid": -0.02},
        extra={("additive", "cross_attention", "independent"): 0.04},
        single={"image": 0.5, "audio": 0.5},
        linear=0.5,
        majority=0.5,
    ),
}
OTHERS = {
    "rating": Truth(
        kind="regression",
        targets=("rating",),
        base=8.4,
        attention={"additive": -0.5, "scaled_dot_product": -0.3},
        fusion={"cross_attention": -0.6, "early_concat": -0.2},
        extra={("additive", "cross_attention", "independent"): -0.8},
        single={"image": 9.9, "text": 9.5},
        linear=9.0,
        majority=12.4,
        unit=10.0,
        missing=0.12,
        notes=("12 pairs of near-duplicate images lie in train and test (accepted in dataset.yaml)",),
    ),
    "genres": Truth(
        kind="multilabel",
        targets=tuple("abcdefg"),
        base=0.55,
        attention={"additive": 0.04},
        fusion={"concat": 0.02},
        single={"image": 0.35, "text": 0.5},
        linear=0.45,
        majority=0.0,
    ),
    "fraud": Truth(
        kind="binary",
        metric="auroc",
        targets=("no", "yes"),
        base=0.8,
        attention={"additive": 0.03, "scaled_dot_product": 0.05},
        single={"audio": 0.5, "text": 0.5},
        linear=0.7,
        majority=0.5,
    ),
    "mood": Truth(
        kind="regression",
        affect=True,
        targets=("sentiment",),
        base=0.95,
        attention={"additive": -0.03, "scaled_dot_product": -0.05},
        fusion={"early_concat": 0.04},
        single={"audio": 1.38, "text": 1.0, "video": 1.37},
        linear=1.2,
        majority=1.4,
    ),
}
"""One of every other type of task; `rating` and `mood` have errors, of which less is better."""
CLASSES = {"redundant": 10, "unique": 10, "synergy": 2}
CEILING = {"redundant": 0.96, "unique": 0.9, "synergy": 0.92}


def identifier(config: TrialConfig) -> str:
    return hashlib.sha256(config.canonical().encode()).hexdigest()[:16]


def spec_of(name: str, truth: Truth) -> DataSpec:
    classes = CLASSES.get(name, 10)
    shapes = {"image": (28, 28), "audio": (40, 48), "text": (16,), "video": (8, 20, 20)}
    return DataSpec(
        name=name,
        description=f"Invented data set {name}.",
        modalities={
            m: Modality(
                kind=m,
                shape=shapes[m],
                options={"vocabulary": 64} if m == "text" else {},
                missing=truth.missing if m == "text" else 0.0,
            )
            for m in truth.single
        },
        task=task_of(truth.kind, truth.targets or map(str, range(classes)), truth.metric, affect=truth.affect),
        splits={"train": 4000, "validation": 1000, "test": 1000},
        chance=truth.majority if truth.kind != "classification" else 1 / classes,
        ceiling=CEILING.get(name),
        ceiling_why="each modality is wrong in a known share of the samples" if name in CEILING else "",
        carriers=("audio",) if name == "unique" else (),
        licence="CC0",
        source="invented",
        citation="Nobody 2026" if truth.kind != "classification" else "",
        notes=truth.notes,
        hash=hashlib.sha256(name.encode()).hexdigest(),
    )


def configs(params: Params, truths: Mapping[str, Truth], levels: Mapping[str, list[str]]) -> Iterator[TrialConfig]:
    """Every trial of the grid and of the controls, in an order like the planner's."""
    size = params.model.size
    train = params.train.model_copy(update={"epochs": "auto"}).resolved(epochs=EPOCHS, learning_rate=0.003)
    for dataset, truth in truths.items():
        modalities = tuple(truth.single)
        for seed in range(params.grid.least_seeds):
            shared = {"dataset": dataset, "seed": seed, "model": size, "train": train}
            for a, f, r in itertools.product(levels["attention"], levels["fusion"], levels["architecture"]):
                yield TrialConfig(
                    role="cell",
                    modalities=modalities,
                    attention=Choice(name=a),
                    fusion=Choice(name=f),
                    architecture=Choice(name=r),
                    **shared,
                )
            for a, m in itertools.product(levels["attention"], modalities):
                if params.controls.single_modalities:
                    yield TrialConfig(role="single", modalities=(m,), attention=Choice(name=a), **shared)
        for baseline in (*params.controls.baselines, *(truth.baselines if params.controls.baselines else ())):
            yield TrialConfig(role="baseline", dataset=dataset, modalities=modalities, baseline=baseline, seed=0)


def expected(config: TrialConfig, truth: Truth) -> float:
    """The planted test score."""
    if config.role == "baseline":
        known = {"majority": truth.majority, "linear": truth.linear, **truth.baselines}
        return known[str(config.baseline)]
    assert config.attention is not None
    if config.role == "single":
        return truth.single[config.modalities[0]]
    assert config.fusion is not None and config.architecture is not None
    a, f, r = config.attention.name, config.fusion.name, config.architecture.name
    levels = truth.attention.get(a, 0.0) + truth.fusion.get(f, 0.0) + truth.architecture.get(r, 0.0)
    return truth.base + levels + truth.extra.get((a, f, r), 0.0)


def cost_of(config: TrialConfig) -> dict[str, Value]:
    if config.role == "baseline":
        linear = {"linear": 20_000, "linear_late": 20_000, "majority": 10}.get(str(config.baseline))
        weights: dict[str, Value] = {} if linear is None else {"parameters": linear, "flops": 40_000}
        return weights | {
            "train_seconds": 1.5,
            "seconds_per_epoch": 1.5,
            "inference_us_per_sample": 3.0,
            "peak_memory": 400 << 20,
        }
    attention = config.attention.name if config.attention else "mean"
    factor = {"mean": 1.0, "scaled_dot_product": 1.6, "additive": 2.1}.get(attention, 1.8)
    if config.role == "cell":
        assert config.fusion is not None and config.architecture is not None
        factor *= {"early_concat": 1.3, "cross_attention": 2.0}.get(config.fusion.name, 1.0)
        factor *= {"shared": 0.6, "hybrid": 2.2}.get(config.architecture.name, 1.0) * len(config.modalities)
    return {
        "parameters": int(22_000 * factor),
        "flops": int(1.1e6 * factor),
        "train_seconds": 6.0 * factor,
        "seconds_per_epoch": 0.6 * factor,
        "inference_us_per_sample": 40.0 * factor,
        "peak_memory": int((500 + 20 * factor) * 2**20),
    }


def scores_of(task: Task, value: float, loss: float, guess: float) -> dict[str, float]:
    """The main metric and, made up from it, the others of the task."""
    others: dict[str, float] = {"loss": loss}
    if task.kind == "classification":
        others |= {"accuracy": value, "macro_f1": max(value - 0.01, 0.0)}
    elif task.kind == "binary":
        names = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "f1", "auroc", "auprc")
        others |= {name: max(value - 0.005 * i, 0.0) for i, name in enumerate(names)}
    elif task.kind == "multilabel":
        names = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "auroc", "auprc")
        others |= {name: max(value - 0.005 * i, 0.0) for i, name in enumerate(names)}
    else:
        r = float(np.clip(1 - (value / (guess or 1.0)) ** 2, -1, 1))
        others |= {"mae": abs(value), "rmse": 1.25 * abs(value), "pearson": r, "spearman": 0.95 * r}
        if task.affect:
            names = ("acc2_has0", "f1_has0", "acc2_non0", "f1_non0", "acc5", "acc7")
            others |= {name: 0.5 + 0.4 * max(r, 0) - 0.01 * i for i, name in enumerate(names)}
    others[task.metric] = value
    return {name: others[name] for name in METRICS if name in others}


def result_of(job: Job, truth: Truth, spec: DataSpec, noise: float, fault: State | None, minute: int) -> TrialResult:
    """One finished trial; equal names give equal results. Trials of one seed share part of the noise (paired seeds)."""
    config = job.config
    own = np.random.default_rng(int(hashlib.sha256(config.name.encode()).hexdigest()[:16], 16))
    together = np.random.default_rng(1000 + config.seed).normal()
    started = f"2026-11-22T{10 + minute // 60 % 12:02d}:{minute % 60:02d}:00.000+00:00"
    provenance = Provenance(
        data_hash=spec.hash,
        fingerprint=job.fingerprint,
        commit=job.commit,
        dirty=job.dirty,
        versions={"python": "3.11.9", "torch": "2.13.0", "mmbench": "0.1.0"},
        hardware={"processor": "x86_64", "cores": 2, "gpu": None},
    )
    if fault is not None:
        message = {
            State.FAILED: "RuntimeError: shapes do not match",
            State.DIVERGED: "loss nan, gradient norm nan at epoch 2, step 140",
            State.TIMEOUT: "took longer than its limit of 600 s",
            State.OUT_OF_MEMORY: "MemoryError (limit: 2 GiB)",
        }[fault]
        return TrialResult(
            trial_id=job.trial_id,
            config=config,
            state=fault,
            message=message,
            started=started,
            seconds=4.0,
            provenance=provenance,
        )
    mean = expected(config, truth)
    sd = 0.0 if config.role == "baseline" else noise * truth.unit
    metric = METRICS[spec.task.metric]
    score = float(np.clip(round(mean + sd * (0.6 * together + 0.8 * own.normal()), 6), metric.low, metric.high))
    held_out = float(np.clip(score + 0.25 * sd * own.normal(), metric.low, metric.high))
    assert spec.chance is not None
    curve = [spec.chance + (held_out - spec.chance) * _learnt(e) for e in range(EPOCHS)]
    loss = [c**2 if spec.task.kind == "regression" else float(-np.log(max(c, 0.05))) for c in curve]
    curves = {
        "train_loss": [0.9 * v for v in loss],
        "validation_loss": loss,
        f"validation_{spec.task.metric}": curve,
    }
    cost = cost_of(config)
    seconds, per_epoch = cost["train_seconds"], cost["seconds_per_epoch"]
    assert isinstance(seconds, float) and isinstance(per_epoch, float)
    slower = float(np.exp(0.05 * own.normal()))
    scores = {
        s: scores_of(spec.task, v, loss[-1], truth.majority) for s, v in (("validation", held_out), ("test", score))
    }
    return TrialResult(
        trial_id=job.trial_id,
        config=config,
        state=State.DONE,
        metrics=scores,
        best_epoch=None if config.role == "baseline" else BEST_EPOCH,
        curves={} if config.role == "baseline" else curves,
        quantities=cost | {"train_seconds": seconds * slower, "seconds_per_epoch": per_epoch * slower},
        started=started,
        seconds=seconds + 1,
        provenance=provenance,
    )


def _learnt(epoch: int) -> float:
    """The share of the way that has been gone: up to BEST_EPOCH, and a little back afterwards."""
    return float(1 - np.exp(-(min(epoch, BEST_EPOCH) + 1) / 2.5)) - 0.002 * max(0, epoch - BEST_EPOCH)


def make(
    *,
    truths: Mapping[str, Truth] = TRUTHS,
    seeds: int = 3,
    noise: float = 0.01,
    levels: Mapping[str, list[str]] | None = None,
    faults: Mapping[int, State] | None = None,
    controls: bool = True,
    metric: str = "auto",
    families: Mapping[str, str] | None = None,
) -> Made:
    """A plan and its ledger. faults: by position in the plan, how a trial ends (pending and skipped included)."""
    levels = levels or {
        "attention": ["additive", "mean", "scaled_dot_product"],
        "fusion": ["concat", "cross_attention", "early_concat"],
        "architecture": ["hybrid", "independent", "shared"],
    }
    params = plain.params()
    changes = {
        "report": params.report.model_copy(update={"metric": metric}),
        "grid": params.grid.model_copy(update={"seeds": seeds, "datasets": tuple(truths)}),
        "controls": params.controls.model_copy(
            update={"single_modalities": controls, "baselines": ("majority", "linear") if controls else ()}
        ),
    }
    params = params.model_copy(update=changes)
    specs = {name: spec_of(name, truth) for name, truth in truths.items()}
    jobs, skipped, results = [], [], {}
    for i, config in enumerate(configs(params, truths, levels)):
        fault = (faults or {}).get(i)
        if fault is State.SKIPPED:
            skipped.append(Skip(config=config, reason="fusion needs at least two layers"))
            continue
        choices = (config.attention, config.fusion, config.architecture)
        parts = "+".join(c.name for c in choices if c) or str(config.baseline)
        fingerprint = hashlib.sha256(parts.encode()).hexdigest()[:16]
        spec = specs[config.dataset]
        job = Job(trial_id=identifier(config), config=config, data_hash=spec.hash, fingerprint=fingerprint)
        jobs.append(job)
        if fault is not State.PENDING:
            results[job.trial_id] = result_of(job, truths[config.dataset], spec, noise, fault, i)
    plan = Plan(jobs=tuple(jobs), skipped=tuple(skipped))
    return Made(plan=plan, results=results, specs=specs, params=params, families=dict(families or FAMILIES))


def large(*, truths: Mapping[str, Truth] = TRUTHS, seeds: int = 2) -> Made:
    """17 attentions, 17 fusions and 6 architectures, with trials that failed, diverged, are pending or skipped: 11,000
    trials on three data sets with two seeds. Effects of the levels come from their names, so that they differ.
    """
    names = {
        "attention": [*("mean", "additive", "scaled_dot_product"), *(f"attention_{i:02}" for i in range(14))],
        "fusion": [*("concat", "cross_attention", "early_concat"), *(f"fusion_{i:02}" for i in range(14))],
        "architecture": ["independent", "shared", "hybrid", *(f"architecture_{i}" for i in range(3))],
    }
    kinds = ("early", "intermediate", "late (features)")
    families = {f: FAMILIES.get(f, kinds[i % 3]) for i, f in enumerate(names["fusion"])}
    faults = {7: State.FAILED, 1_000: State.DIVERGED, 2_500: State.TIMEOUT, 3_000: State.OUT_OF_MEMORY}
    faults |= {4_000: State.PENDING, 5_000: State.SKIPPED}

    def effects(axis: str) -> dict[str, float]:
        return {n: 0.03 * float(np.random.default_rng([17, *n.encode()]).uniform(-1, 1)) for n in names[axis]}

    varied = {
        name: replace(
            truth,
            attention=effects("attention") | dict(truth.attention),
            fusion=effects("fusion") | dict(truth.fusion),
            architecture=effects("architecture") | dict(truth.architecture),
        )
        for name, truth in truths.items()
    }
    return make(truths=varied, seeds=seeds, levels=names, families=families, faults=faults)


def as_json(made: Made) -> dict[str, Any]:
    def dump(x: Any) -> Any:
        return x.model_dump(mode="json")

    return {
        "jobs": [{**vars(j), "config": dump(j.config)} for j in made.plan.jobs],
        "skipped": [{"config": dump(s.config), "reason": s.reason} for s in made.plan.skipped],
        "results": {k: dump(v) for k, v in made.results.items()},
        "specs": {k: dump(v) for k, v in made.specs.items()},
        "params": dump(made.params),
        "families": made.families,
    }


def from_json(raw: Mapping[str, Any]) -> Made:
    jobs = tuple(Job(**{**j, "config": TrialConfig.model_validate(j["config"])}) for j in raw["jobs"])
    skipped = tuple(Skip(config=TrialConfig.model_validate(s["config"]), reason=s["reason"]) for s in raw["skipped"])
    return Made(
        plan=Plan(jobs=jobs, skipped=skipped),
        results={k: TrialResult.model_validate(v) for k, v in raw["results"].items()},
        specs={k: DataSpec.model_validate(v) for k, v in raw["specs"].items()},
        params=Params.model_validate(raw["params"]),
        families=dict(raw["families"]),
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(as_json(make()), indent=1), encoding="utf-8")
