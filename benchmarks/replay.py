"""How much sooner trainings end when their steps are replayed: `python -m benchmarks.replay`.

Every combination of the core grid, and every single modality, is trained on a prepared data set with its steps computed
and with its steps replayed, one after the other on one core. The last line says how often all parameters are the same
in the end, bit by bit.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import pandas as pd
import torch

from benchmarks.overhead import read_splits
from mmbench.model.build import build
from mmbench.sweep.planning.plan import build as build_plan
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.sandbox import seed_everything
from tests.support import plain

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "prepared" / "redundant", help="prepared data set")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--only", default="", help="combinations whose name holds this")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    spec, splits = read_splits(chosen.data)
    params = plain.params()
    params = params.model_copy(update={"grid": params.grid.model_copy(update={"datasets": (spec.name,), "seeds": 1})})
    rows = []
    for job in build_plan(params, {spec.name: spec}, root=ROOT).jobs:
        config = job.config
        if config.train is None or chosen.only not in config.name:
            continue
        train, validation = (splits[s].only(config.modalities) for s in ("train", "validation"))
        settings = config.train.model_copy(update={"epochs": chosen.epochs, "batch_size": chosen.batch_size})
        seconds, ends = [], []
        for replay in (False, True):
            seed_everything(config.seed)
            model = build(config, spec)
            began = time.perf_counter()
            aim = objective(spec, train.labels, smoothing=settings.label_smoothing)
            fit(model, train, validation, settings, aim, seed=config.seed, replay=replay)
            seconds.append(time.perf_counter() - began)
            ends.append(list(model.parameters()))
        same = all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
        rows.append((config.name, *seconds, seconds[0] / seconds[1], same))
        print(f"{rows[-1][0]:60} {seconds[0]:6.2f} s {seconds[1]:6.2f} s {rows[-1][3]:5.2f} x", flush=True)
    found = pd.DataFrame(rows, columns=["method", "computed", "replayed", "times", "same"])
    print(f"all: {found.computed.sum():.1f} s computed, {found.replayed.sum():.1f} s replayed,", end=" ")
    print(f"{found.computed.sum() / found.replayed.sum():.2f} times as fast ({found.times.min():.2f} to", end=" ")
    print(f"{found.times.max():.2f}); the same parameters: {found.same.sum()} of {len(found)}")


if __name__ == "__main__":
    main()
