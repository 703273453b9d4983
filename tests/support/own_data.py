"""Data sets of a person's own, as files and cards: every type of target, several kinds of modality and of manifest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from PIL import Image

SAMPLES = 90
DRAW = np.random.default_rng(0)
PLANTED = DRAW.integers(0, 3, SAMPLES)
"""What all targets are made of."""


def numbers(folder: Path) -> dict[str, object]:
    """Regression of two targets from columns of numbers and short texts."""
    rows = pd.DataFrame(
        PLANTED[:, None] + 0.3 * DRAW.standard_normal((SAMPLES, 9)), columns=[f"f{i}" for i in range(9)]
    )
    rows["words"] = [f"number {i} says {['low', 'middle', 'high'][k]}" for i, k in enumerate(PLANTED)]
    rows["dose"], rows["age"] = 10.0 * PLANTED + DRAW.standard_normal(SAMPLES), 40 - 5.0 * PLANTED
    rows.to_csv(folder / "manifest.csv", index=False)
    return {
        "manifest": "manifest.csv",
        "columns": {"features": {"vector": {"prefix": "f"}}, "words": "text"},
        "target": {"regression": ["dose", "age"]},
        "metric": "rmse",
        "splits": {"validation": 0.2, "test": 0.2},
    }


def labels(folder: Path) -> dict[str, object]:
    """Several labels from pictures and texts, in JSON lines."""
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as rows:
        for i, k in enumerate(PLANTED):
            pixels = DRAW.integers(0, 80, (20, 24, 3), dtype=np.uint8) + np.uint8(70 * k)
            Image.fromarray(pixels).save(folder / f"{i}.png")
            row = {"photo": f"{i}.png", "caption": f"picture {i}", "tags": "|".join(["bright", "brighter"][:k])}
            rows.write(json.dumps(row) + "\n")
    return {
        "manifest": "rows.jsonl",
        "columns": {"photo": "image", "caption": "text"},
        "target": {"multilabel": "tags"},
    }


def gaps(folder: Path) -> dict[str, object]:
    """Classes from sounds and sequences, each of which a third of the samples lacks; grouped by speaker."""
    rows = []
    for i, k in enumerate(PLANTED):
        row = {"speaker": f"s{i % 14}", "label": f"class {k}", "sound": "", "steps": ""}
        if i % 3 != 0:
            time = np.arange(3000) / 8000
            soundfile.write(folder / f"{i}.wav", 0.5 * np.sin(2 * np.pi * (300 + 400 * k + i) * time), 8000)
            row["sound"] = f"{i}.wav"
        if i % 3 != 1:
            np.save(folder / f"{i}.npy", (k + DRAW.standard_normal((10 + i % 5, 4))).astype(np.float32))
            row["steps"] = f"{i}.npy"
        rows.append(row)
    pd.DataFrame(rows).to_parquet(folder / "manifest.parquet")
    return {
        "manifest": "manifest.parquet",
        "columns": {"sound": "audio", "steps": "sequence"},
        "target": {"classification": "label"},
        "group": "speaker",
        "splits": {"validation": 0.2, "test": 0.2},
    }


def pets(folder: Path) -> dict[str, object]:
    """Classes from numbers and categories beside pictures: missing cells, codes that are names, and a breed
    that only one animal has."""
    rows = []
    for i, k in enumerate(PLANTED.tolist()):
        pixels = DRAW.integers(0, 200, (20, 24, 3), dtype=np.uint8) + np.uint8(20 * k)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        age, breed = round(3.0 + 4 * k + DRAW.standard_normal(), 1), int(DRAW.choice([128, 152, 7]))
        rows.append(
            {
                "photo": f"{i}.png",
                "age": None if i % 7 == 0 else age,
                "fee": 1e9 + 50 * k,
                "breed": 999 if i == 5 else breed,
                "sex": [None, "F", "M"][int(DRAW.integers(3))],
                "speed": ["slow", "middle", "fast"][k],
            }
        )
    pd.DataFrame(rows).to_csv(folder / "pets.csv", index=False)
    details = {"columns": ["age", "fee", "breed", "sex"], "categories": ["breed"]}
    return {
        "manifest": "pets.csv",
        "columns": {"photo": "image", "details": {"table": details}},
        "target": {"classification": "speed"},
        "accept": ["near duplicate"],
        "splits": {"validation": 0.2, "test": 0.2},
    }


SETS = {"numbers": numbers, "labels": labels, "gaps": gaps, "pets": pets}
