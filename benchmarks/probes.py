"""What probes cost beside training: `python -m benchmarks.probes --data FOLDER [--trials N]`.

Trials of the core grid of the default's length are trained on a prepared data set, one after the other on one core, and
every probe that is a default is measured on each, as a sweep does it. Times are of the processor. The last line says
whether all of them take at most 15 % of the whole.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import pandas as pd
import torch

from benchmarks.overhead import EPOCHS, ROOT, read_splits
from mmbench.schema.outputs import Outputs
from mmbench.schema.params import load_params
from mmbench.schema.plan import Limits
from mmbench.sweep.measure import Subject, measure_probes, wanted
from mmbench.sweep.planning.plan import build as build_plan
from mmbench.training import trial
from tests.support import plain

MOST = 0.15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "prepared" / "redundant", help="prepared data set")
    parser.add_argument("--trials", type=int, default=8)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    spec, splits = read_splits(chosen.data)
    params = plain.params()
    params = params.model_copy(update={"grid": params.grid.model_copy(update={"datasets": (spec.name,), "seeds": 1})})
    jobs = [job for job in build_plan(params, {spec.name: spec}, root=ROOT).jobs if job.config.train is not None]
    batch_size = load_params(ROOT / "params.yaml").train.batch_size
    rows = []
    for job in jobs[:: max(1, len(jobs) // chosen.trials)][: chosen.trials]:
        assert job.config.train is not None
        settings = {"epochs": EPOCHS, "batch_size": batch_size}
        config = job.config.model_copy(update={"train": job.config.train.model_copy(update=settings)})
        began = time.thread_time()
        done = trial.run(job.model_copy(update={"config": config}), spec, splits)
        row = {"method": config.cell, "training": time.thread_time() - began}
        assert done.model is not None and done.outputs is not None, done.result.message
        outputs = Outputs.from_bytes(done.outputs)
        subject = Subject(model=done.model, config=config, spec=spec, splits=splits, origin="training", outputs=outputs)
        names = wanted(spec).probes
        for last in range(1, len(names) + 1):
            # Each with those before it, since what they share is computed once.
            part = dict(list(names.items())[:last])
            began = time.thread_time()
            found = measure_probes(subject, part, Limits())
            row[list(names)[last - 1]] = time.thread_time() - began
            assert all(one.failed is None for one in found.values()), found
        rows.append(row)
    table = pd.DataFrame(rows).set_index("method")
    probes = list(table.columns[1:])
    alone = table[probes].diff(axis=1)
    alone[probes[0]] = table[probes[0]]
    print(pd.concat([table[["training"]], alone], axis=1).round(3).to_string())
    share = table[probes[-1]].sum() / (table["training"].sum() + table[probes[-1]].sum())
    print(f"probes take {100 * share:.1f} % of {chosen.data.name}'s trials, at most {100 * MOST:.0f} %")
    return int(share > MOST)


if __name__ == "__main__":
    sys.exit(main())
