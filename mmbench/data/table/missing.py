"""How tables spell that there is nothing, and where an input holds such a word in place of a text or a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mmbench.data.files.source import Root
from mmbench.data.table.findings import quote

if TYPE_CHECKING:
    from mmbench.data.table.card import Card
    from mmbench.data.table.rows import Rows

WORDS = ("nan", "na", "n/a", "#n/a", "null", "none", "nil", "-nan", "<na>", "nat")


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none. Files are no values: a list of numbers with a NaN in it is broken."""
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return isinstance(value, str) and len(value) <= len("#n/a") + 1 and value.lower() in WORDS


def blank(card: Card, rows: Rows, root: Root) -> None:
    """Empties the fields of modalities that say so, in place, with a note; a file that is called so stays."""
    for column, key in [(c, key) for name, c in card.columns.items() if c.path is None for key in c.named(name)]:
        values = rows.columns.get(key, [])
        files = column.kind != "table" and (column.kind != "text" or bool(column.options.get("files")))
        found = [i for i, v in enumerate(values) if is_missing(v)]
        found = [i for i in found if not (files and isinstance(values[i], str) and root.exists(values[i]))]
        if not found:
            continue
        words = ", ".join(repr(quote(word)) for word in dict.fromkeys(str(values[i]) for i in found))
        for i in found:
            values[i] = None
        many = f"{len(found)} fields hold" if len(found) > 1 else "1 field holds"
        remedy = "" if files else "; where it is meant as a text, write it otherwise"
        rows.findings.notes.append(f"{quote(key)}: {many} {words}, which is taken for missing{remedy}")
