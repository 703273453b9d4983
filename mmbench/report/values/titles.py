"""How people read the names of levels and methods: titles from the registry, options behind them."""

from __future__ import annotations

from functools import cache
from typing import Literal

from mmbench.errors import UserError
from mmbench.registry import Axis, Variant, defined, variants
from mmbench.report.values.methods import Method

LEAST = "mean"
"""The attention that is none: pooling."""


@cache
def _found(axis: Axis, name: str) -> Variant | None:
    """None for one that is not installed here: results may come from another machine."""
    try:
        return defined().get((axis, name)) or variants(axis).get(name)
    except UserError:
        return None


def level(axis: Axis, label: str, *, short: bool = False) -> str:
    """`scaled dot-product`, `sliding window(window=8)`: the title of a label, its options as they are."""
    name, bracket, options = label.partition("(")
    found = _found(axis, name)
    title = name.replace("_", " ") if found is None else found.short if short else found.title
    return title + bracket + options


def method(found: Method, *, short: bool = False) -> str:
    """`scaled dot-product + cross-attention · hybrid`, `image alone`, `kernel SVM`."""
    if found.role == "baseline":
        return level("baseline", str(found.baseline), short=short)
    attention = level("attention", str(found.attention), short=short)
    if found.role == "single":
        return f"{found.modality} alone" if found.attention == LEAST else f"{found.modality} alone, {attention}"
    fusion = level("fusion", str(found.fusion), short=short)
    return f"{attention} + {fusion} · {level('architecture', str(found.architecture), short=True)}"


def with_noun(axis: Literal["attention", "fusion", "architecture"], label: str) -> str:
    """For sentences: `additive attention`, `concatenation`, `a hybrid`."""
    title = level(axis, label)
    if axis == "attention":
        return title if label == LEAST or "attention" in title else f"{title} attention"
    if axis == "architecture":
        return title if title.endswith("s") else f"{'an' if title[:1] in 'aeio' else 'a'} {title} architecture"
    return title
