"""A project whose ledger holds real trials, on data of one's own and on arrays; small enough for moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image

from mmbench.cli.project import Loaded
from mmbench.data.batches import as_split
from mmbench.data.prepare import dataset as prepare
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.sweep.trial import run
from tests.support import small_project

SAMPLES = 120
NAME = "seen"


def files(folder: Path) -> None:
    """Photos, captions (some missing) and numbers that say one of three classes; a label with a comma in it."""
    draw = np.random.default_rng(0)
    (folder / "img").mkdir(parents=True)
    rows = []
    for i in range(SAMPLES):
        k = i % 3
        pixels = draw.integers(0, 120, (20, 24, 3), dtype=np.uint8) + np.uint8(60 * k)
        Image.fromarray(pixels).save(folder / "img" / f"{i}.png")
        said = f"sample {i} is {['low', 'middle', 'high'][k]}" if i % 5 else ""
        numbers = k + draw.standard_normal(3)
        part = {2: "test", 3: "validation"}.get(i // 3 % 4, "train")
        row = {"file": f"img/{i}.png", "caption": said, "part": part, "kind": ["low", "mid, dle", "high"][k]}
        rows.append(row | {f"f{j}": x for j, x in enumerate(numbers)})
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    card = {
        "manifest": "manifest.csv",
        "columns": {
            "photo": {"image": {"column": "file", "side": 16}},
            "caption": "text",
            "numbers": {"vector": {"prefix": "f"}},
        },
        "target": {"classification": "kind"},
        "split": "part",
        "accept": ["near duplicate", "same text", "same content"],
    }
    # `file` begins with f too; the card names it, so it is no number.
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def make(root: Path) -> Loaded:
    """Two data sets (`seen`, of files, and `small`, of arrays), each with a cell, singles and baselines."""
    files(root / "data" / "raw" / NAME)
    prepare.prepare(prepare.read(NAME, root / "data" / "raw"), root / "data" / "prepared" / NAME, progress=False)
    small_project.make(root)
    raw = small_project.settings()
    assert isinstance(raw["grid"], dict) and isinstance(raw["train"], dict) and isinstance(raw["model"], dict)
    raw["grid"] |= {"datasets": [NAME, "small"], "attention": ["additive"], "fusion": ["concat"]}
    raw["grid"] |= {"architecture": ["shared"], "seeds": 1}
    raw["train"] |= {"epochs": 3, "batch_size": 16}
    raw["model"] |= {"width": 16, "depth": 1}
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    loaded = small_project.read(root)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name, spec in loaded.specs.items():
        _, arrays = load_prepared(root / "data" / "prepared" / name)
        splits = {split: as_split(spec, arrays[split]) for split in SPLITS}
        for job in loaded.plan.jobs:
            if job.config.dataset == name:
                made = run(job, spec, splits, keep_weights=10**9)
                loaded.ledger.write(made.result, made.outputs, made.measured, made.weights)
    torch.set_num_threads(threads)
    return small_project.read(root)
