"""Whether costs measured alone tell methods apart, and only methods: `python -m benchmarks.idle_costs`.

Every combination of the core grid, every single modality and every baseline is measured on a prepared data set as a
sweep does it at its end, under two names each. The two names of a method should differ by less than 5 % (A/A). With
--busy PROCESSES the machine computes something else meanwhile, as a person's may. The last lines give the seconds it
took, and the largest and the mean difference.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import pandas as pd

from benchmarks.overhead import read_splits
from mmbench.sweep.planning.plan import build as build_plan
from mmbench.training.idle_cost import measure_alone
from tests.support import plain

ROOT = Path(__file__).resolve().parents[1]


def _compute() -> None:
    import numpy as np

    x = np.ones((512, 512))
    while True:
        x = x @ x / 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "prepared" / "redundant", help="prepared data set")
    parser.add_argument("--only", default="", help="methods whose name holds this")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--busy", type=int, default=0, help="processes that compute something else meanwhile")
    chosen = parser.parse_args()
    spec, splits = read_splits(chosen.data)
    params = plain.params()
    params = params.model_copy(update={"grid": params.grid.model_copy(update={"datasets": (spec.name,), "seeds": 1})})
    jobs = {}
    for job in build_plan(params, {spec.name: spec}, root=ROOT).jobs:
        if chosen.only in job.config.cell:
            train = job.config.train
            settings = {"epochs": chosen.epochs, "batch_size": chosen.batch_size}
            config = job.config.model_copy(update={"train": train.model_copy(update=settings) if train else None})
            jobs[job.config.cell] = job.model_copy(update={"config": config})
    others = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(chosen.busy)]
    for other in others:
        other.start()
    began = time.perf_counter()
    found = measure_alone(jobs | {f"{name}, again": job for name, job in jobs.items()}, spec, splits)
    seconds = time.perf_counter() - began
    for other in others:
        other.terminate()
    rows = []
    for name in jobs:
        one, two = found[name], found[f"{name}, again"]
        pairs = {
            "step or fit": (one.step or one.fit, two.step or two.fit),
            "batch": (one.batch_us, two.batch_us),
            "one sample": (one.p50_us, two.p50_us),
        }
        apart = {what: 100 * (b / a - 1) if a and b else None for what, (a, b) in pairs.items()}
        rows.append({"method": name, "ms a step or fit": 1e3 * (one.step or one.fit or 0.0), **apart})
    table = pd.DataFrame(rows).set_index("method")
    print(table.round(2).to_string())
    print(f"{2 * len(jobs)} methods in {seconds:.0f} s, {seconds / (2 * len(jobs)):.2f} s each")
    for what in ("step or fit", "batch", "one sample"):
        apart = table[what].abs()
        print(f"{what}: two names differ by {apart.mean():.1f} % on average, {apart.max():.1f} % at most")


if __name__ == "__main__":
    main()
