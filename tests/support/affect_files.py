"""Small pickles in the two formats of affect data sets, faithful in keys, shapes, padding and types."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {"train": 12, "valid": 5, "test": 6}
STEPS = 9


def lengths(samples: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(2, steps + 1, samples)


def padded(real: np.ndarray, steps: int, features: int, rng: np.random.Generator, *, before: bool) -> np.ndarray:
    """(N, steps, features) float32: `real` steps of 1 and more, zeros before or after them."""
    values = np.zeros((len(real), steps, features), np.float32)
    for i, n in enumerate(real):
        values[i, slice(steps - n, None) if before else slice(n)] = rng.uniform(1, 2, (n, features))
    return values


def multibench(*, labels: str = "sentiment", aligned: bool = True, seed: int = 0) -> dict[str, Any]:
    """As mosi_raw.pkl (labels: sentiment), humor.pkl (zero or one) and sarcasm.pkl (sign)."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, n in SIZES.items():
        words = lengths(n, STEPS, rng)
        made[name] = {
            "vision": padded(words, STEPS, 35, rng, before=True).astype(np.float64),
            "audio": padded(words, STEPS if aligned else 2 * STEPS, 74, rng, before=True),
            "text": padded(words, STEPS, 300, rng, before=True),
            "labels": {
                "sentiment": rng.uniform(-3, 3, (n, 1, 1)).astype(np.float32),
                "zero or one": np.arange(n)[:, None] % 2,
                "sign": (2.0 * (np.arange(n) % 2) - 1)[:, None, None],
            }[labels],
            "id": [f"{name}{i // 3}[{i % 3}]" for i in range(n)],
        }
    return made


def mmsa(*, aligned: bool = True, seed: int = 0) -> dict[str, Any]:
    """As aligned_50.pkl and unaligned_50.pkl."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, n in SIZES.items():
        words = lengths(n, STEPS, rng)
        sound, sight = (words, words) if aligned else (lengths(n, 20, rng), lengths(n, 15, rng))
        mask = (np.arange(STEPS) < words[:, None]).astype(np.float32)
        made[name] = {
            "raw_text": np.array([f"word {i} of {name}" for i in range(n)]),
            "audio": padded(sound, STEPS if aligned else 20, 5, rng, before=False),
            "vision": padded(sight, STEPS if aligned else 15, 20, rng, before=False),
            "id": np.array([f"{name}{i // 3}$_${i % 3}" for i in range(n)], object),
            "text": rng.normal(size=(n, STEPS, 768)).astype(np.float32),  # BERT's features of padding are not zero
            "text_bert": np.stack([rng.integers(0, 30522, (n, STEPS)), mask, np.zeros((n, STEPS))], axis=1),
            "annotations": ["Positive"] * n,
            "classification_labels": np.zeros(n, np.float32),
            "regression_labels": rng.uniform(-3, 3, n).astype(np.float32),
        }
        if not aligned:
            made[name] |= {"audio_lengths": sound.tolist(), "vision_lengths": sight.tolist()}
    return made


def write(folder: Path, data: Any, name: str = "data.pkl", protocol: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(pickle.dumps(data, protocol))
    return file
