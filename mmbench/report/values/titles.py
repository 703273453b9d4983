"""How people read the names of levels and methods: titles from the registry, options behind them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import cast

from mmbench.errors import UserError
from mmbench.registry import GRID_AXES, Axis, Variant, defined, variants
from mmbench.report.values.methods import POOLING, Method


@cache
def _found(axis: str, name: str) -> Variant | None:
    """None for one that is not installed here: results may come from another machine."""
    known = cast("Axis", axis)
    try:
        return defined().get((known, name)) or variants(known).get(name)
    except UserError:
        return None


FAMILIES = {
    "early": "early fusion",
    "intermediate": "intermediate fusion",
    "late (features)": "late fusion of features",
    "late (decisions)": "late fusion of decisions",
}
"""Kinds of fusion, by what fusions call their own."""


def level(axis: str, label: str, *, short: bool = False) -> str:
    """`scaled dot-product`, `sliding window(window=8)`: the title of a label, its options as they are; of a kind of
    fusion, what people call it."""
    if axis == "fusion" and label in FAMILIES:
        return FAMILIES[label]
    name, bracket, options = label.partition("(")
    found = _found(axis, name)
    title = name.replace("_", " ") if found is None else found.short if short else found.title
    return title + bracket + options


def side(axis: str | None, label: str) -> str:
    """Of a comparison: a level of this axis, or the key of a method; a kind of levels stays as it is."""
    return titled(label) if axis not in GRID_AXES else level(axis, label)


def noun(axis: str, label: str) -> str:
    """For sentences: `additive attention`, `concatenation`, `a hybrid architecture`."""
    title = level(axis, label)
    if axis == "attention":
        return title if label == POOLING or "attention" in title else f"{title} attention"
    if axis == "architecture":
        return title if title.endswith("s") else f"{'an' if title[:1] in 'aeio' else 'a'} {title} architecture"
    return title


def method(found: Method, *, short: bool = False) -> str:
    """`scaled dot-product + cross-attention · hybrid`, `image alone`, `kernel SVM`; short: `SDPA + cross · hybrid`,
    `image alone, SDPA`."""
    if found.role == "baseline":
        return level("baseline", str(found.baseline), short=short)
    if found.role == "single":
        return _alone(str(found.modality), str(found.attention), short=short)
    return _combined(str(found.attention), str(found.fusion), str(found.architecture), short=short)


def _combined(attention: str, fusion: str, architecture: str, *, short: bool = False) -> str:
    mixed = f"{level('attention', attention, short=short)} + {level('fusion', fusion, short=short)}"
    return f"{mixed} · {level('architecture', architecture, short=True)}"


def _alone(modality: str, attention: str, *, short: bool = False) -> str:
    said = "" if attention == POOLING else f", {level('attention', attention, short=short)}"
    return f"{modality} alone{said}"


_LEVEL = r"[\w.-]+(?:\([^()]*\))?"
_COMBINATION = re.compile(rf"(?<![\w])({_LEVEL}) \+ ({_LEVEL}) · ({_LEVEL})(?![\w])")
_SINGLE = re.compile(rf"(?<![\w])({_LEVEL}) · (\w+) alone(?![\w])")
_BASELINE = re.compile(r"(?<![\w])(\w+) baseline(?![\w])")
_WORD = re.compile(r"(?<![\w./-])\w*_\w+(?![\w./(-])")


@lru_cache(2**15)
def titled(text: str) -> str:
    """A generated text with the names of methods, and of levels that are no words, as people read them. What is not
    known here stays as it is."""
    text = _COMBINATION.sub(_combination, text)
    text = _SINGLE.sub(_single, text)
    text = _BASELINE.sub(lambda m: level("baseline", m[1]) if _found("baseline", m[1]) else m[0], text)
    return _WORD.sub(lambda m: _any(m[0]), text)


def _combination(m: re.Match[str]) -> str:
    known = all(_found(axis, label.partition("(")[0]) for axis, label in zip(GRID_AXES, m.groups(), strict=True))
    return _combined(*m.groups()) if known else m[0]


def _single(m: re.Match[str]) -> str:
    return _alone(m[2], m[1]) if _found("attention", m[1].partition("(")[0]) else m[0]


def _any(name: str) -> str:
    """Of a name with an underscore, which no sentence has otherwise."""
    return next((level(axis, name) for axis in GRID_AXES if _found(axis, name)), name)
