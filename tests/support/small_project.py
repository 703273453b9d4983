"""A whole project in a folder, made in moments: settings, one small data set and, where asked, a ledger."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml

from mmbench.cli.project import Loaded, Project, load
from mmbench.data.prepared import save
from mmbench.schema.dataset import DataSpec, Modality, Normal
from mmbench.schema.plan import Job
from mmbench.schema.result import Provenance, State, TrialResult
from mmbench.schema.task import task_of
from tests.support import plain

ROOT = Path(__file__).resolve().parents[2]
SPLITS = {"train": 64, "validation": 32, "test": 32}


def small_data(folder: Path) -> None:
    """Two modalities of feature sequences; the label is the sign of the first number of each, taken together."""
    draw = torch.Generator().manual_seed(0)
    arrays = {}
    for split, n in SPLITS.items():
        a, b = torch.randn(n, 8, 4, generator=draw), torch.randn(n, 8, 4, generator=draw)
        label = ((a[:, 0, 0] > 0) ^ (b[:, 0, 0] > 0)).long()
        arrays[split] = {"left": a.numpy(), "right": b.numpy(), "label": label.numpy()}
    spec = DataSpec(
        name="small",
        description="Random features for tests.",
        modalities={m: Modality(kind="feature", shape=(8, 4)) for m in ("left", "right")},
        task=task_of("classification", ("same", "different")),
        splits=SPLITS,
        chance=0.5,
        ceiling=1.0,
        licence="CC0",
        source="random numbers",
        hash="",
    )
    save(folder, spec, arrays)


def settings() -> dict[str, object]:
    """The repository's params.yaml with one small data set, one seed and a small budget."""
    raw = plain.settings()
    raw["grid"] |= {"datasets": ["small"], "seeds": 1, "attention": ["mean", "additive"]}
    raw["train"] |= {"epochs": 1}
    raw["sweep"] |= {"time_alone": False}
    return raw


def regression(root: Path) -> None:
    """Add a data set `errors` to the project: one number to predict from the same features."""
    draw = torch.Generator().manual_seed(1)
    arrays = {}
    for split, n in SPLITS.items():
        a, b = torch.randn(n, 8, 4, generator=draw), torch.randn(n, 8, 4, generator=draw)
        arrays[split] = {"left": a.numpy(), "right": b.numpy(), "label": (a[:, 0, :1] + b[:, 0, :1]).numpy()}
    spec = DataSpec(
        name="errors",
        description="Random features and a number for tests.",
        modalities={m: Modality(kind="feature", shape=(8, 4)) for m in ("left", "right")},
        task=task_of("regression", ("sum",)),
        splits=SPLITS,
        chance=1.0,
        ceiling=None,
        scale=Normal(axis=0, mean=(0.0,), std=(1.0,)),
        licence="CC0",
        source="random numbers",
        hash="",
    )
    save(root / "data" / "prepared" / "errors", spec, arrays)
    raw = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    raw["grid"]["datasets"].append("errors")
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")


def make(folder: Path) -> Path:
    """The project with its data prepared and nothing run."""
    small_data(folder / "data" / "prepared" / "small")
    (folder / "params.yaml").write_text(yaml.safe_dump(settings()), encoding="utf-8")
    return folder


def read(root: Path) -> Loaded:
    return load(Project(root=root, params_file=root / "params.yaml"))


def result(job: Job, state: State = State.DONE) -> TrialResult:
    """How the trial may have ended."""
    done = state is State.DONE
    scores = {"accuracy": 0.8125, "macro_f1": 0.8, "loss": 0.1 + 0.2}
    main = "accuracy"
    if job.config.dataset == "errors":
        scores, main = {"mae": 0.8125, "rmse": 1.0, "pearson": 0.5, "loss": 1.0}, "mae"
    return TrialResult(
        trial_id=job.trial_id,
        config=job.config,
        state=state,
        message=None if done else f"it ended as {state}",
        metrics={"validation": scores, "test": scores} if done else {},
        best_epoch=0 if done else None,
        curves={"train_loss": [0.7], "validation_loss": [0.6], f"validation_{main}": [0.8]} if done else {},
        quantities={
            "parameters": 1234,
            "flops": 5678,
            "train_seconds": 1.5,
            "seconds_per_epoch": 1.5,
            "inference_us_per_sample": 3.25,
            "peak_memory": 2**28,
        }
        if done
        else {},
        started="2026-01-02T03:04:05.678+00:00",
        seconds=2.5,
        provenance=Provenance(
            data_hash=job.data_hash, fingerprint=job.fingerprint, commit=None, dirty=None, versions={}, hardware={}
        ),
    )


def finish(root: Path) -> Loaded:
    """Fill the ledger: the first trial failed, the second timed out, the last two are pending, the others are done."""
    loaded = read(root)
    states = {0: State.FAILED, 1: State.TIMEOUT}
    for i, job in enumerate(loaded.plan.jobs[:-2]):
        loaded.ledger.write(result(job, states.get(i, State.DONE)))
    return read(root)
