"""Text and tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mmbench.report.draw.table import Table

_MARKUP = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^([#+=-]|\d+(?=[.)]))")


def escape(text: str) -> str:
    """Text that a code host shows as it is: no markup, no HTML, no formula. `scaled_dot_product` needs no escapes."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def line(text: str) -> str:
    """The same for what begins a line, where `1.` or `-` would begin a list."""
    return _START.sub(lambda m: f"{m[0]}\\" if m[0].isdigit() else f"\\{m[0]}", escape(text))


def table_lines(table: Table, most: int | None = None) -> Iterator[str]:
    columns = [str(c) for c in table.shown.columns]
    yield "| " + " | ".join(map(escape, columns)) + " |"
    yield "| " + " | ".join("--:" if c in table.numeric else ":--" for c in columns) + " |"
    for i, row in enumerate(table.shown.head(most or len(table.shown)).to_numpy().tolist()):
        cells = [f"**{escape(c)}**" if i in table.best and c.strip() else escape(c) for c in row]
        yield "| " + " | ".join(cells) + " |"


def whole(table: Table) -> str:
    """A pipe table; numbers right, the best rows in bold."""
    return "\n".join(table_lines(table)) + "\n"


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {x}" for x in items)


def bulleted(items: Iterable[str]) -> str:
    return bullets(map(line, items))


def incomplete(refused: str | None, dropped: Iterable[str]) -> Iterator[str]:
    """Why there is nothing, or what is missing from what there is."""
    if refused:
        yield refused
    elif dropped:
        yield f"**The grid is incomplete:** {'; '.join(dropped)}. What is missing could change the order."
