"""What a data set holds, in numbers: for the terminal, for JSON and for the page."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmbench.data.inspect.cell_inspector import MEASURES, Look
from mmbench.data.inspect.check import Checked, Seen
from mmbench.data.public.loader import Loader
from mmbench.data.split.splits import SPLITS

BINS = 12


def summary(checked: Checked) -> dict[str, Any]:
    """Counts of samples, classes, missing values, lengths and repetitions. All of it can be written as JSON.

    unreadable, repeated: None where no cell was read. content: SHA-256 of what the rest was made from.
    """
    survey, card, made = checked.survey, checked.raw.card, checked.raw.made
    split = checked.split
    names = [s for s in SPLITS if split is not None and (split == s).any()]
    return {
        "name": checked.raw.name,
        "description": card.description or (made.description if isinstance(made, Loader) else ""),
        "ok": not checked.problems,
        "samples": len(survey.places),
        "splits": {s: int((split == s).sum()) for s in names} if split is not None else {},
        "given": survey.split is not None,
        "groups": _groups(checked),
        "target": _target(checked, names),
        "modalities": {name: _modality(seen, split, names) for name, seen in checked.seen.items()},
        "leaks": Counter(" ".join(filter(None, (leak.modality, leak.kind))) for leak in checked.leaks),
        "accepted": list(card.accept),
        "content": _content(checked),
        "notes": list(checked.notes),
        "unused": [{"why": left.why, "count": left.count, "what": left.what} for left in checked.unused],
        "problems": [{"where": p.where, "what": p.what} for p in checked.problems],
    }


def _content(checked: Checked) -> str:
    """Of the card, the labels and every cell that was read: it changes when one of them does."""
    card = checked.raw.card.model_dump_json()
    digest = hashlib.sha256(card.encode())
    if checked.survey.labels is not None:
        digest.update(np.ascontiguousarray(checked.survey.labels).tobytes())
    for name, seen in checked.seen.items():
        digest.update(name.encode())
        for look in seen.looks:
            digest.update(b"-" if look is None else look.digest)
    return digest.hexdigest()


def _groups(checked: Checked) -> dict[str, int] | None:
    if checked.survey.group is None:
        return None
    sizes = Counter(checked.survey.group).values()
    return {"count": len(sizes), "smallest": min(sizes), "largest": max(sizes)}


def _target(checked: Checked, names: Sequence[str]) -> dict[str, Any] | None:
    task, labels = checked.survey.task, checked.survey.labels
    if task is None or labels is None:
        return None
    told: dict[str, Any] = {"kind": task.kind, "metric": task.metric}
    if task.kind == "regression":
        return told | {"numbers": {t: _spread(labels[:, j]) for j, t in enumerate(task.targets)}}
    hot = np.eye(len(task.targets), dtype=np.int64)[labels] if labels.ndim == 1 else labels
    counts = {}
    for j, name in enumerate(task.targets):
        counts[name] = {"all": int(hot[:, j].sum())}
        if checked.split is not None:
            counts[name] |= {s: int(hot[checked.split == s, j].sum()) for s in names}
    if task.kind == "multilabel":
        told["unlabelled"] = int((labels.sum(axis=1) == 0).sum())
    return told | {"classes": counts}


def _modality(seen: Seen, split: np.ndarray | None, names: Sequence[str]) -> dict[str, Any]:
    cells = seen.column.cells
    missing = np.array([cell is None and i not in seen.broken for i, cell in enumerate(cells)])
    looks = [look for look in seen.looks if look is not None]
    unreadable = int((~missing).sum()) - len(looks)
    return {
        "kind": seen.column.kind,
        "present": int((~missing).sum()),
        "missing": {"all": int(missing.sum())}
        | ({s: int(missing[split == s].sum()) for s in names} if split is not None else {}),
        "unreadable": unreadable if seen.looked else None,
        "repeated": len(looks) - len({look.digest for look in looks}) if seen.looked else None,
        "measures": _measures(seen.column.kind, looks),
        "note": seen.note,
    }


def _measures(kind: str, looks: Sequence[Look]) -> dict[str, Any]:
    if not looks:
        return {}
    values = np.array([look.measures for look in looks])
    return {name: _spread(values[:, j]) for j, name in enumerate(MEASURES[kind][: values.shape[1]])}


def _spread(values: np.ndarray) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values.astype(np.float64), bins=BINS, range=(low, high if high > low else low + 1))
    return {
        "least": low,
        "median": float(np.median(values)),
        "mean": float(values.mean(dtype=np.float64)),
        "most": high,
        "histogram": counts.tolist() if high > low else [],
    }
