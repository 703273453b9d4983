"""How people read the names of levels and methods: titles from the registry, options behind them."""

from __future__ import annotations

import re
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


_LEVEL = r"[\w.-]+(?:\([^()]*\))?"
_COMBINATION = re.compile(rf"(?<![\w])({_LEVEL}) \+ ({_LEVEL}) · ({_LEVEL})(?![\w])")
_SINGLE = re.compile(rf"(?<![\w])({_LEVEL}) · (\w+) alone(?![\w])")
_BASELINE = re.compile(r"(?<![\w])(\w+) baseline(?![\w])")
_WORD = re.compile(r"(?<![\w./-])\w*_\w+(?![\w./(-])")


def titled(text: str) -> str:
    """A generated text with the names of methods, and of levels that are no words, as people read them. What is not
    known here stays as it is."""
    text = _COMBINATION.sub(_combination, text)
    text = _SINGLE.sub(_single, text)
    text = _BASELINE.sub(lambda m: level("baseline", m[1]) if _found("baseline", m[1]) else m[0], text)
    return _WORD.sub(lambda m: _any(m[0]), text)


def _combination(m: re.Match[str]) -> str:
    axes: tuple[Axis, ...] = ("attention", "fusion", "architecture")
    if not all(_found(axis, m[i + 1].partition("(")[0]) for i, axis in enumerate(axes)):
        return m[0]
    attention, fusion = level("attention", m[1]), level("fusion", m[2])
    return f"{attention} + {fusion} · {level('architecture', m[3], short=True)}"


def _single(m: re.Match[str]) -> str:
    if not _found("attention", m[1].partition("(")[0]):
        return m[0]
    return f"{m[2]} alone" if m[1] == LEAST else f"{m[2]} alone, {level('attention', m[1])}"


def _any(name: str) -> str:
    """Of a name with an underscore, which no sentence has otherwise."""
    axes: tuple[Axis, ...] = ("attention", "fusion", "architecture")
    return next((level(axis, name) for axis in axes if _found(axis, name)), name)
