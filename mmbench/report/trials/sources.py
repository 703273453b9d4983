"""Where results can be read from: a ledger, a project that holds one, or a results.parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.report.trials import parquet
from mmbench.schema.budget import Budget
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig

WANTED = "a ledger (a folder of <trial_id>.json), a project's folder, or a results.parquet"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Results as one source holds them. name: as the caller wrote it. metrics: the one compared, by data set, where the
    source says so. broken: files that hold no result, with the reason. searched: trials of a search for a budget that
    the comparison does not have."""

    name: str
    kind: Literal["ledger", "parquet"]
    results: Mapping[str, TrialResult]
    metrics: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    searched: frozenset[str] = frozenset()

    def place(self, trial_id: str) -> str:
        """Where a person finds that trial."""
        return f"{self.name}/{trial_id}.json" if self.kind == "ledger" else self.name


def _main_metrics(results: Mapping[str, TrialResult]) -> dict[str, str]:
    """The main metric of each data set, as the learning curves of its trials tell."""
    found = {}
    for result in results.values():
        for name in result.curves:
            if name.startswith("validation_") and name != "validation_loss":
                found[result.config.dataset] = name.removeprefix("validation_")
    return found


def _ledger(folder: Path, name: str) -> Part:
    ledger = Ledger(folder)
    results = ledger.read()
    if not results:
        broken = f": {len(ledger.broken)} files in it cannot be read" if ledger.broken else ""
        raise UserError(f"{name} holds no finished trial{broken}; name {WANTED}")
    return Part(
        name=name,
        kind="ledger",
        results=results,
        metrics=_main_metrics(results),
        broken={str(file): why for file, why in ledger.broken.items()},
        searched=frozenset(_searched(results, folder.with_name("budget"))),
    )


def _searched(results: Mapping[str, TrialResult], budgets: Path) -> Iterator[str]:
    """Trials at a length and a learning rate that a search tried and did not take: those at which there are the first
    seeds of its references and nothing else. budgets: the folder beside a ledger in which a project keeps what was
    found."""
    found: dict[str, Budget] = {}
    for file in budgets.glob("*.json") if budgets.is_dir() else ():
        # A broken one counts as none, as for a sweep.
        with contextlib.suppress(OSError, ValueError):
            budget = Budget.model_validate_json(file.read_bytes())
            found[budget.dataset] = budget
    by_training: dict[tuple[str, int, float], dict[str, TrialConfig]] = {}
    for trial_id, result in results.items():
        config, train = result.config, result.config.train
        if train is not None and config.dataset in found and config.budget == 1 and config.configuration == 0:
            at = config.dataset, train.epochs, train.learning_rate
            by_training.setdefault(at, {})[trial_id] = config
    for (dataset, epochs, rate), trials in by_training.items():
        own = found[dataset]
        tried = {r.reference for r in own.rungs if (r.epochs, r.learning_rate) == (epochs, rate)}
        alone = all(config.seed == 0 and config.cell in tried for config in trials.values())
        if alone and (epochs, rate) != (own.epochs, own.learning_rate):
            yield from trials


def parquet_part(file: Path | BytesIO, name: str) -> Part:
    """The part that a results.parquet is. Raises UserError where it holds no finished trial, or one twice."""
    frame = parquet.read(file, name)
    results: dict[str, TrialResult] = {}
    for result in parquet.results(frame, name):
        if result.trial_id in results:
            raise UserError(f"{name} holds trial {result.trial_id} ({result.config.name}) twice")
        results[result.trial_id] = result
    if not results:
        raise UserError(f"{name} holds no finished trial")
    told = frame[["dataset", "metric"]].dropna().drop_duplicates("dataset")
    return Part(
        name=name, kind="parquet", results=results, metrics=dict(zip(told["dataset"], told["metric"], strict=True))
    )


def read(path: Path, name: str | None = None) -> Part:
    """What lies there. name: how to call it; default: the path. Raises UserError where there are no results."""
    name = name or str(path)
    if path.is_file():
        if path.suffix == ".json":
            raise UserError(f"{name} is one trial; name {WANTED}")
        return parquet_part(path, name)
    if not path.is_dir():
        raise UserError(f"{name} does not exist; name {WANTED}")
    inside = Path("data") / "ledger"
    if (path / inside).is_dir():
        return _ledger(path / inside, str(Path(name) / inside))
    for file in (Path("results.parquet"), Path("reports") / "results.parquet"):
        if (path / file).is_file():
            return parquet_part(path / file, str(Path(name) / file))
    return _ledger(path, name)
