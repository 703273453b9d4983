"""What a sweep costs beyond its trials: `python -m benchmarks.overhead`.

The same real trials are run four ways, in one go on one machine: by mmbench's sweep, by plain Ray Tune with a fresh
actor per trial, by one sequential Python loop, and by one plain process per trial, as many at a time as cores
(`xargs -P`). It is done for trials of the default's length and for trials of about 0.2 s.

Each way does everything that it needs from nothing: starting processes, importing, reading the data, writing results.
The bounds are those of the project's acceptance; the last column says whether they hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# Set here for every way alike: one thread a trial.
os.environ["OMP_NUM_THREADS"] = "1"

import joblib

from mmbench.ledger.store import Ledger, limits_of
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Params, load_params
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import TrialResult
from mmbench.schema.task import task_of
from tests.support import plain

EPOCHS = 16
"""What `train.epochs: auto` comes to on `redundant`, the first data set of the default project."""

# Each way imports what it needs by itself, as a script of its own would: torch, scikit-learn, Ray.

ROOT = Path(__file__).resolve().parents[1]


def random_data(folder: Path, samples: int) -> None:
    """Random numbers in the shapes of the default data: an image and a spectrogram."""
    import torch

    from mmbench.data.prepared import save

    sizes = {"train": samples, "validation": samples // 4, "test": samples // 4}
    draw = torch.Generator().manual_seed(0)
    splits = {
        split: {
            "image": torch.randn(n, 1, 15, 15, generator=draw).numpy(),
            "audio": torch.randn(n, 40, 24, generator=draw).numpy(),
            "label": torch.randint(0, 4, (n,), generator=draw).numpy(),
        }
        for split, n in sizes.items()
    }
    spec = DataSpec(
        name=folder.name,
        description="Random numbers.",
        modalities={
            "image": Modality(kind="image", shape=(1, 15, 15), options={"patch": 5}),
            "audio": Modality(kind="audio", shape=(40, 24), options={"frames": 5}),
        },
        task=task_of("classification", "abcd"),
        splits=sizes,
        chance=0.25,
        ceiling=None,
        licence="CC0",
        source="random numbers",
        hash="",
    )
    save(folder, spec, splits)


def project(
    folder: Path, *, epochs: int, samples: int | None, trials: int, batch_size: int = 64
) -> tuple[Params, Plan]:
    """A project in `folder` whose plan has so many trials of the core grid.

    samples: of random training data; None takes the first prepared data set of this repository.
    """
    from mmbench.schema.dataset import load_spec
    from mmbench.sweep.planning.plan import build

    params = plain.params()
    name = params.grid.datasets[0]
    prepared = folder / "data" / "prepared" / name
    if samples is None:
        prepared.parent.mkdir(parents=True)
        shutil.copytree(ROOT / "data" / "prepared" / name, prepared)
    else:
        random_data(prepared, samples)
    grid = params.grid.model_copy(update={"datasets": (name,), "seeds": -(-trials // 27)})
    params = params.model_copy(
        update={
            "grid": grid,
            "controls": params.controls.model_copy(update={"single_modalities": False, "baselines": ()}),
            "train": params.train.model_copy(update={"epochs": epochs, "batch_size": batch_size}),
        }
    )
    plan = build(params, {name: load_spec(prepared)}, root=ROOT)
    # Every other cell and so on, so that few trials are as mixed as many.
    step = max(1, len(plan.jobs) // trials)
    return params, Plan(jobs=plan.jobs[::step][:trials], skipped=())


def read_splits(folder: Path) -> tuple[DataSpec, dict[str, Any]]:
    from mmbench.data.batches import as_split
    from mmbench.data.prepared import SPLITS, load_arrays
    from mmbench.schema.dataset import load_spec

    spec = load_spec(folder)
    return spec, {split: as_split(spec, load_arrays(folder, split)) for split in SPLITS}


def by_sweep(folder: Path, params: Params, plan: Plan) -> list[TrialResult]:
    """mmbench's own engine."""
    from mmbench.sweep import engine
    from mmbench.sweep.rounds.work import planned

    ledger = Ledger(folder / "data" / "ledger")
    with ledger.lock():
        prepared = folder / "data" / "prepared"
        engine.run(planned(plan, ledger, limits_of(params.sweep), prepared), ledger, params.sweep, prepared)
    return list(ledger.read().values())


def by_fresh_actors(folder: Path, params: Params, plan: Plan) -> list[TrialResult]:
    """Ray Tune as its documentation begins: a function, a new process per trial, default settings."""
    import ray
    import torch
    from ray import tune

    from mmbench.sweep.trial import run

    jobs = {job.trial_id: job.model_dump_json() for job in plan.jobs}
    data = str(folder / "data" / "prepared" / params.grid.datasets[0])

    def trainable(config: dict[str, Any]) -> dict[str, Any]:
        torch.set_num_threads(1)
        spec, splits = read_splits(Path(data))
        result = run(Job.model_validate_json(jobs[config["id"]]), spec, splits).complete
        return {"result": result.model_dump_json(), "accuracy": result.metrics["test"]["accuracy"]}

    ray.init(address="local", num_cpus=joblib.cpu_count(), log_to_driver=False, logging_level=logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        grid = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"id": tune.grid_search(list(jobs))},
            tune_config=tune.TuneConfig(reuse_actors=False),
            run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
        ).fit()
    results = [TrialResult.model_validate_json(r.metrics["result"]) for r in grid]
    ray.shutdown()
    return results


def by_loop(folder: Path, params: Params, plan: Plan) -> list[TrialResult]:
    """One Python process, one trial after another."""
    import torch

    from mmbench.sweep.trial import run

    torch.set_num_threads(1)
    spec, splits = read_splits(folder / "data" / "prepared" / params.grid.datasets[0])
    return [run(job, spec, splits, limits_of(params.sweep)).complete for job in plan.jobs]


def by_processes(folder: Path, params: Params, plan: Plan) -> list[TrialResult]:
    """`xargs -P`: one plain Python process per trial, as many at a time as cores."""
    work = folder / "processes"
    work.mkdir()
    for job in plan.jobs:
        (work / f"{job.trial_id}.job").write_text(job.model_dump_json(), encoding="utf-8")
    names = "\n".join(str(work / f"{job.trial_id}.job") for job in plan.jobs)
    data = str(folder / "data" / "prepared" / params.grid.datasets[0])
    one = [sys.executable, "-m", "benchmarks.overhead", "--one", data]
    command = ["xargs", "-P", str(joblib.cpu_count()), "-n", "1", *one]
    subprocess.run(command, input=names, text=True, cwd=ROOT, check=True)
    return [TrialResult.model_validate_json(f.read_bytes()) for f in work.glob("*.json")]


def one_process(data: Path, job_file: Path) -> None:
    """What one process of `by_processes` does."""
    import torch

    from mmbench.sweep.trial import run

    torch.set_num_threads(1)
    spec, splits = read_splits(data)
    result = run(Job.model_validate_json(job_file.read_bytes()), spec, splits).complete
    job_file.with_suffix(".json").write_text(result.model_dump_json(), encoding="utf-8")


WAYS: dict[str, Callable[[Path, Params, Plan], list[TrialResult]]] = {
    "sweep": by_sweep,
    "fresh actors": by_fresh_actors,
    "loop": by_loop,
    "xargs -P": by_processes,
}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mmbench-overhead-") as folder:
        yield Path(folder)


def measure(way: str, options: dict[str, Any]) -> dict[str, Any]:
    """Wall seconds of a way in a new process, from its start to its end, and the trials' own seconds."""
    with scratch() as folder:
        params, plan = project(folder, **options)
        # Everything is made beforehand, so that the child's clock starts with what a person waits for.
        (folder / "plan.json").write_text(json.dumps([job.model_dump_json() for job in plan.jobs]), encoding="utf-8")
        (folder / "params.json").write_text(params.model_dump_json(), encoding="utf-8")
        began = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.overhead", "--way", way, str(folder)]
        env = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
        wall = time.perf_counter() - began
        seconds = json.loads(done.stdout.splitlines()[-1])
    assert len(seconds) == options["trials"], f"{way}: {len(seconds)} results of {options['trials']}"
    return {"wall": wall, "own": sum(seconds)}


def child(way: str, folder: Path) -> None:
    """The process that `measure` starts: run the way and print the trials' own seconds."""
    params = Params.model_validate_json((folder / "params.json").read_bytes())
    jobs = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan = Plan(jobs=tuple(Job.model_validate_json(job) for job in jobs), skipped=())
    results = WAYS[way](folder, params, plan)
    print(json.dumps([result.seconds for result in results]))


def verdict(holds: bool) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def report(title: str, times: dict[str, dict[str, Any]], trials: int, *, fresh_bound: float, short: bool) -> bool:
    """Print the table of one trial length. Returns whether every bound holds."""
    slots = joblib.cpu_count()
    ours = times["sweep"]
    print(f"\n{title}: {trials} trials, {ours['own'] / trials:.2f} s each in the sweep, {slots} at a time")
    print(f"  {'way':<14}{'wall s':>9}{'own s':>9}{'ratio to sweep':>16}")
    for way, t in times.items():
        print(f"  {way:<14}{t['wall']:>9.1f}{t['own']:>9.1f}{t['wall'] / ours['wall']:>16.2f}")
    ratio = {way: t["wall"] / ours["wall"] for way, t in times.items()}
    bound = 1.10 * ours["own"] / slots + 10
    checks = [(f"wall {ours['wall']:.1f} s <= 1.10 x own / slots + 10 s = {bound:.1f} s", ours["wall"] <= bound)]
    least = {"fresh actors": fresh_bound} | ({} if short else {"loop": 0.8 * slots, "xargs -P": 1.0})
    checks += [
        (f"{way} / sweep = {ratio[way]:.2f} >= {bound:.2f} ({slots} cores)", ratio[way] >= bound)
        for way, bound in least.items()
        if way in ratio
    ]
    for text, holds in checks:
        print(f"  {text}: {verdict(holds)}")
    return all(holds for _, holds in checks)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--trials", type=int, default=24, help="trials of the default's length")
    parser.add_argument("--short", type=int, default=160, help="trials of about 0.2 s")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the longer trials")
    parser.add_argument("--random", type=int, metavar="N", help="N random training samples, not the prepared data")
    parser.add_argument("--only", choices=("default", "short"), help="one of the two lengths")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="beside the sweep")
    parser.add_argument("--way", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=2, metavar=("DATA", "JOB"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        child(options.way[0], Path(options.way[1]))
        return 0
    if options.one:
        one_process(Path(options.one[0]), Path(options.one[1]))
        return 0

    params = plain.params()
    prepared = ROOT / "data" / "prepared" / params.grid.datasets[0] / "spec.json"
    samples = options.random or (None if prepared.exists() else 2400)
    batch = load_params(ROOT / "params.yaml").train.batch_size
    long = {"epochs": options.epochs, "samples": samples, "trials": options.trials, "batch_size": batch}
    short = {"epochs": 1, "samples": 400, "trials": options.short}
    held = True
    for title, setting, bound in (("Default length", long, 1.15), ("Short", short, 10.0)):
        if options.only is not None and not title.lower().startswith(options.only):
            continue
        times = {}
        for way in (way for way in WAYS if way == "sweep" or way in options.ways):
            times[way] = measure(way, setting)
            print(f"{title}, {way}: {times[way]['wall']:.1f} s", file=sys.stderr, flush=True)
        held &= report(title, times, setting["trials"], fresh_bound=bound, short=setting is short)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
