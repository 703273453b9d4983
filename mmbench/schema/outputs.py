"""What a finished trial's model said about every sample of validation and test: what metrics
are computed from.

A safetensors file: numbers and one JSON text, nothing that is ever executed. No torch here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydantic

from mmbench.schema import scores
from mmbench.schema.result import FileDigest
from mmbench.schema.task import Task

SPLITS = ("validation", "test")
LARGEST = 2**32
"""Bytes of a file that is read at all."""
LONGEST_HEADER = 2**20
"""Bytes of the part of a file that says what is in it."""


class OutputsError(ValueError):
    """These bytes are no outputs. The message says why."""


@dataclass(frozen=True, kw_only=True)
class SplitOutputs:
    """One split.

    Attributes:
        rows: (N,) the rows of the prepared split that the others belong to.
        outputs: (N, C) float32. Classes and labels: logits; numbers: in the targets' own units.
        labels: (N,) classes; (N, L) of 0 and 1; (N, K) numbers; in the smallest type that holds them.
    """

    rows: np.ndarray
    outputs: np.ndarray
    labels: np.ndarray


def _smallest(values: np.ndarray) -> np.ndarray:
    """Whole numbers, none negative, in the smallest type that holds them."""
    whole = values.astype(np.int64)
    return whole.astype(np.min_scalar_type(int(whole.max(initial=0))))


def split_outputs(task: Task, outputs: np.ndarray, labels: np.ndarray) -> SplitOutputs:
    """Of all samples of a split, in their order."""
    whole = task.kind != "regression"
    return SplitOutputs(
        rows=_smallest(np.arange(len(outputs))),
        outputs=np.ascontiguousarray(outputs, np.float32),
        labels=_smallest(labels) if whole else np.ascontiguousarray(labels, np.float32),
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """splits: "validation" and "test"."""

    task: Task
    splits: Mapping[str, SplitOutputs]

    def predictions(self, split: str) -> np.ndarray:
        """Float64: probabilities (N, C) or (N, L), or numbers (N, K) in the targets' own units."""
        return scores.predictions(self.task.kind, self.splits[split].outputs)

    def labels(self, split: str) -> np.ndarray:
        """As metrics take them: int64 classes or labels, or float64 numbers."""
        return self.splits[split].labels.astype(np.float64 if self.task.kind == "regression" else np.int64)

    def scores(self) -> dict[str, dict[str, float]]:
        """Every metric, by split; one that is not defined on these samples is left out."""
        return {s: scores.scores(self.task, self.predictions(s), self.labels(s)) for s in self.splits}

    def to_bytes(self) -> bytes:
        """Equal outputs give equal bytes."""
        from safetensors.numpy import save

        arrays = {f"{s}.{name}": array for s, part in self.splits.items() for name, array in vars(part).items()}
        return save(arrays, {"task": self.task.model_dump_json()})

    @classmethod
    def from_bytes(cls, content: bytes) -> Outputs:
        """Raises OutputsError where the bytes are none that `to_bytes` could have made."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        if len(content) > LARGEST:
            raise OutputsError(f"larger than {LARGEST} bytes")
        task = _task(_header(content))
        try:
            arrays = load(content)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise OutputsError(f"no safetensors file ({' '.join(str(error).split())[:200]})") from None
        return cls(task=task, splits={split: _split(task, split, arrays) for split in SPLITS})


def digest(content: bytes) -> FileDigest:
    """What a trial's JSON says of a file."""
    return FileDigest(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def _header(content: bytes) -> dict[str, Any]:
    """The first eight bytes are the length of the JSON text that follows."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(LONGEST_HEADER, len(content) - 8):
        raise OutputsError("no safetensors file (its header is cut off or too long)")
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        raise OutputsError("no safetensors file (its header is no JSON)") from None
    if not isinstance(header, dict):
        raise OutputsError("no safetensors file (its header is no JSON object)")
    return header


def _task(header: Mapping[str, Any]) -> Task:
    metadata = header.get("__metadata__")
    text = metadata.get("task") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise OutputsError("its metadata name no task")
    try:
        return Task.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise OutputsError(f"its task is none: {error.errors(include_url=False)[0]['msg']}") from None


def _split(task: Task, split: str, arrays: Mapping[str, np.ndarray]) -> SplitOutputs:
    """Raises OutputsError where the arrays do not fit the task and one another."""
    found = {name: arrays.get(f"{split}.{name}") for name in ("rows", "outputs", "labels")}
    for name, array in found.items():
        if array is None:
            raise OutputsError(f"{split} {name} are missing")
    rows, outputs, labels = (array for array in found.values() if array is not None)
    width, numbers = len(task.targets), task.kind == "regression"
    if outputs.dtype != np.float32 or outputs.ndim != 2 or outputs.shape[1] != width:
        raise OutputsError(f"{split} outputs are {outputs.dtype} {outputs.shape}, not float32 (samples, {width})")
    if not np.isfinite(outputs).all():
        raise OutputsError(f"{split} outputs are not finite")
    if rows.dtype.kind not in "ui" or rows.shape != outputs.shape[:1] or (rows.size and int(rows.min()) < 0):
        raise OutputsError(f"{split} rows are {rows.dtype} {rows.shape}, not one whole number per sample")
    shape = outputs.shape[:1] if task.kind in ("classification", "binary") else outputs.shape
    if labels.dtype.kind not in ("f" if numbers else "ui") or labels.shape != shape:
        raise OutputsError(f"{split} labels are {labels.dtype} {labels.shape}, not {shape} of a {task.kind} task")
    if numbers and not np.isfinite(labels).all():
        raise OutputsError(f"{split} labels are not finite")
    bound = 2 if task.kind == "multilabel" else width
    if not numbers and labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < bound:
        raise OutputsError(f"{split} labels are not within 0 and {bound - 1}")
    return SplitOutputs(rows=rows, outputs=outputs, labels=labels)
