"""How long the default grid takes on data of several kinds and sizes, and how much memory a trial needs.

    python -m benchmarks.size [--steps 1600] [--at-once 2]

Prints a table. For each kind of data it makes random samples, tries a few gradient steps of every combination and every
single modality of the default grid, twice, and keeps the shorter time. A longer training of one combination shows what
testing adds to the steps. Then three seeds of everything, and the shorter budget with one seed, are added up for trials
of so many steps. Neither the search for a budget nor seeds that a race adds are in it. Times are processor time: other
work on the machine does not count. Each case runs in a fresh process, whose peak is the memory of a trial.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import mmbench
from mmbench.schema.params import Params, parse
from mmbench.schema.plan import Job
from mmbench.stages.sweep import limits_of
from mmbench.sweep.local import run_locally
from mmbench.sweep.planning.plan import build
from mmbench.sweep.planning.timed_steps import step_seconds
from tests.support import plain

ROOT = Path(__file__).resolve().parents[1]
Make = Callable[[np.random.Generator, int], dict[str, Any]]
REFERENCE = "scaled_dot_product + concat · independent"
SEEDS = 3
SHORTER = 0.5
"""Of the budget; `controls.budgets` trains everything for so long once more, with one seed."""
MEASURED_STEPS = 400


def tables(draw: np.random.Generator, samples: int) -> dict[str, Any]:
    return {name: draw.standard_normal((samples, 64), np.float32) for name in ("left", "right")}


def picture_and_text(draw: np.random.Generator, samples: int) -> dict[str, Any]:
    words = np.array([f"word{i}" for i in range(500)])
    return {
        "image": draw.integers(0, 255, (samples, 64, 64, 3), dtype=np.uint8),
        "text": [" ".join(words[draw.integers(0, len(words), 20)]) for _ in range(samples)],
    }


def sensors(draw: np.random.Generator, samples: int) -> dict[str, Any]:
    return {name: draw.standard_normal((samples, 100, 6), np.float32) for name in ("hip", "wrist", "ankle")}


def encoded(draw: np.random.Generator, samples: int) -> dict[str, Any]:
    return {name: draw.standard_normal((samples, 32, 768), np.float32) for name in ("image", "text")}


KINDS: Mapping[str, tuple[Make, tuple[int, ...]]] = {
    "2 tables of 64 numbers": (tables, (1_000, 10_000)),
    "3 sensors, 100 steps of 6 numbers": (sensors, (1_000, 10_000)),
    "pictures of 64 x 64 and 20 words": (picture_and_text, (1_000, 10_000)),
    "features of 2 encoders, 32 tokens of 768": (encoded, (1_000,)),
}


def settings(name: str, epochs: int) -> Params:
    raw = plain.settings()
    raw["grid"] |= {"datasets": [name], "seeds": 1}
    raw["train"] |= {"epochs": epochs, "batch_size": 16}
    made: Params = parse(Params, raw, Path("the benchmark"))
    return made


def seconds_by_method(jobs: list[Job], prepared: Path) -> dict[str, float]:
    rounds = [step_seconds(jobs, prepared) for _ in range(2)]
    return {key[1]: min(each[key] for each in rounds) for key in rounds[0]}


def case(title: str, make: Make, samples: int, steps: int, at_once: int) -> None:
    # Trials have one thread, so on a quiet machine the two are the same.
    time.perf_counter = time.process_time
    with tempfile.TemporaryDirectory() as folder:
        draw = np.random.default_rng(0)
        data = mmbench.dataset("sizes", make(draw, samples), draw.integers(0, 4, samples), folder=folder)
        a_pass = -(-data.spec.splits["train"] // 16)
        params = settings("sizes", max(1, round(MEASURED_STEPS / a_pass)))
        plan = build(params, {"sizes": data.spec}, root=ROOT)
        jobs = [job for job in plan.jobs if job.config.train is not None]
        steps_of = seconds_by_method(jobs, data.prepared.parent)
        job = next(job for job in jobs if job.config.cell == REFERENCE)
        result = run_locally(job, data.prepared, limits_of(params.sweep)).complete
        assert job.config.train is not None and result.state == "done", result.message
        measured = result.seconds / (job.config.train.epochs * a_pass)
        testing = max(1.0, measured / steps_of[REFERENCE])
        total = (SEEDS + SHORTER) * steps * testing * sum(steps_of.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {title} | {samples:,} | {1000 * median(steps_of.values()):.1f} ms "
            f"| {total / at_once / 60:.0f} min | {peak:.0f} MB |",
            flush=True,
        )


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--steps", type=int, default=1600, help="gradient steps of a trial")
    words.add_argument("--at-once", type=int, default=2, help="trials at a time")
    asked = words.parse_args()
    print(
        f"| data | samples | median step | {asked.steps:,} steps a trial, {asked.at_once} trials at a time | a trial |"
    )
    print("| --- | --: | --: | --: | --: |", flush=True)
    for title, (make, sizes) in KINDS.items():
        for samples in sizes:
            process = multiprocessing.get_context("spawn").Process(
                target=case, args=(title, make, samples, asked.steps, asked.at_once)
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
