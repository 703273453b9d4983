"""What it brings to pack trials on one GPU: `python -m benchmarks.packing [--trials N] [--per-gpu K ...]`.

The same real trials of the core grid are run by mmbench's sweep with so many at a time on each GPU, each in a new
process: by default as many as `sweep.per_gpu: auto` gives, and one. K/G runs K groups of up to G seeds at a time (27
combinations, so 81 trials have three seeds). For each it prints wall time, trials an hour, how many trials had no CUDA
graphs, how busy `nvidia-smi` says the GPU was and how much of its memory was used, and in the end the ratios to the
last of them. Where no GPU is found it says so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from benchmarks.overhead import ROOT, project, scratch
from mmbench.ledger.store import Ledger, limits_of
from mmbench.schema.params import Params, Sweep
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State
from tests.support import plain

QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--loop-ms=500")


@dataclass
class Watched:
    """Readings of all GPUs, every half second: per cent of the time in which a kernel ran, and MiB in use."""

    busy: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Watched]:
    found = Watched()
    with subprocess.Popen(QUERY, stdout=subprocess.PIPE, text=True) as smi:
        try:
            yield found
        finally:
            smi.terminate()
        for line in smi.communicate()[0].splitlines():
            busy, _, memory = line.partition(",")
            found.busy.append(float(busy))
            found.memory.append(float(memory))


def run(folder: Path, params: Params, plan: Plan, per_gpu: str) -> int:
    """A sweep of the plan in a process of its own, and how many trials had no CUDA graphs. Raises AssertionError where
    a trial did not end well."""
    (folder / "plan.json").write_text(json.dumps([job.model_dump_json() for job in plan.jobs]), encoding="utf-8")
    count, _, group = per_gpu.partition("/")
    sharing = {"per_gpu": count if count == "auto" else int(count), "group": int(group or 1)}
    settings = params.sweep.model_copy(update=sharing)
    (folder / "sweep.json").write_text(settings.model_dump_json(), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "benchmarks.packing", "--folder", str(folder)], cwd=ROOT, check=True)
    results = Ledger(folder / "data" / "ledger").read().values()
    states = [r.state for r in results]
    assert states == [State.DONE] * len(plan.jobs), states
    return sum(r.uncaptured is not None for r in results)


def child(folder: Path) -> None:
    """What `run` starts."""
    from mmbench.sweep import engine
    from mmbench.sweep.rounds.work import planned

    jobs = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan = Plan(jobs=tuple(Job.model_validate_json(job) for job in jobs), skipped=())
    settings = Sweep.model_validate_json((folder / "sweep.json").read_bytes())
    ledger = Ledger(folder / "data" / "ledger")
    with ledger.lock():
        prepared = folder / "data" / "prepared"
        work = planned(plan, ledger, limits_of(settings), prepared, group=settings.group)
        engine.run(work, ledger, settings, prepared, on_start=lambda n, again, slots: print(slots, "slots"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packing", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--trials", type=int, default=54)
    parser.add_argument(
        "--per-gpu", nargs="+", default=["auto", "1"], metavar="K", help="ends with the one compared to"
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.folder:
        child(options.folder)
        return 0
    if not torch.cuda.is_available():
        print("no GPU is found here: there is nothing to pack trials on")
        return 0
    prepared = ROOT / "data" / "prepared" / plain.params().grid.datasets[0] / "spec.json"
    samples = None if prepared.exists() else 2400
    walls = {}
    for per_gpu in options.per_gpu:
        with scratch() as folder:
            epochs = int(plain.params().train.epochs)
            params, plan = project(folder, epochs=epochs, samples=samples, trials=options.trials)
            with watched() as gpu:
                began = time.perf_counter()
                eager = run(folder, params, plan, per_gpu)
                walls[per_gpu] = time.perf_counter() - began
        print(
            f"{per_gpu} a GPU ({torch.cuda.get_device_name(0)}): {len(plan.jobs)} trials in {walls[per_gpu]:.1f} s, "
            f"{len(plan.jobs) / walls[per_gpu] * 3600:,.0f} an hour, {eager} without graphs; GPU busy "
            f"{statistics.mean(gpu.busy):.0f} % of the time, {max(gpu.memory):,.0f} MiB at most",
            flush=True,
        )
    last = options.per_gpu[-1]
    for per_gpu, wall in walls.items():
        print(f"{per_gpu} a GPU is {walls[last] / wall:.2f} times as fast as {last}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
