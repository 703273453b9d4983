"""The repository's params.yaml with numbers in place of what a sweep would find first, one number of seeds, and two
baselines, and no ladder of budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mmbench.schema.params import Params, parse

ROOT = Path(__file__).resolve().parents[2]
TRAIN = {
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 0.003,
    "label_smoothing": 0.0,
    "weight_decay": 0.01,
    "averaging": 0.0,
}


def settings() -> dict[str, Any]:
    """As YAML has them: the core grid on the embedded data sets, three seeds, three epochs, two baselines."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    raw["grid"] |= {"datasets": ["redundant", "unique", "synergy"], "seeds": 3}
    raw["controls"] |= {"baselines": ["majority", "linear"], "budgets": []}
    raw["train"] |= TRAIN
    return raw


def params() -> Params:
    found: Params = parse(Params, settings(), Path("params.yaml"))
    return found
