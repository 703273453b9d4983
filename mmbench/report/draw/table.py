"""A table of the report, with raw numbers (CSV) and as people read it (Markdown, LaTeX)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmbench.stats.estimates import Difference, Estimate


@dataclass(frozen=True, kw_only=True)
class Table:
    """raw: plain numbers, None for what is absent. shown: strings; numeric: the columns of `shown` that hold numbers.
    best: rows of the best, which are set in bold."""

    name: str
    caption: str
    raw: pd.DataFrame
    shown: pd.DataFrame
    numeric: tuple[str, ...]
    best: tuple[int, ...] = ()


Column = tuple[str, Callable[[Any], str], bool]
"""Heading, how an item reads in it, and whether that is a number."""


def build(
    name: str,
    caption: str,
    items: Sequence[Any],
    raw: Iterable[dict[str, Any]],
    columns: Sequence[Column],
    best: Callable[[Any], bool] = lambda _: False,
) -> Table:
    shown = pd.DataFrame([[show(x) for _, show, _ in columns] for x in items], columns=[c for c, _, _ in columns])
    return Table(
        name=name,
        caption=caption,
        raw=pd.DataFrame(list(raw)),
        shown=shown,
        numeric=tuple(c for c, _, numeric in columns if numeric),
        best=tuple(i for i, x in enumerate(items) if best(x)),
    )


def spread_columns(prefix: str, value: Estimate | None) -> dict[str, Any]:
    return {
        prefix: value.mean if value else None,
        f"{prefix}_half_width": value.half if value else None,
    }


def gain_columns(prefix: str, value: Difference | None) -> dict[str, Any]:
    return {
        prefix: value.mean if value else None,
        f"{prefix}_half_width": value.half if value else None,
        f"{prefix}_p_holm": value.p_holm if value else None,
        f"{prefix}_verdict": value.verdict if value else None,
    }
