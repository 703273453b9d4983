"""`python -m mmbench.cli.variant_tables`, which is `make docs`: the tables of docs/variants.md, from the registries.

A table is between `<!-- variants: AXIS -->` and `<!-- end -->`; all else is left as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from mmbench.errors import UserError, suggest
from mmbench.registry import AXES, Axis, Variant, variants

COMMAND = "make docs"
MARKED = re.compile(r"(?P<start><!-- variants: (?P<axis>\w+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def own(axis: Axis) -> Mapping[str, Variant]:
    """The variants in mmbench itself; those of another distribution belong in its own documentation."""
    return {name: info for name, info in variants(axis).items() if info.module.startswith(f"mmbench.{axis}.")}


def names_in(text: str) -> dict[str, set[str]]:
    """Axis -> the names that its table in this text holds."""
    return {m["axis"]: set(re.findall(r"^\| `(\w+)` \|", m[0], re.MULTILINE)) for m in MARKED.finditer(text)}


def _family(info: Variant) -> str:
    family = info.attribute("family")
    return family if isinstance(family, str) else ""


def _cell(text: str) -> str:
    """`|` would end a cell, in code too."""
    return text.replace("|", "\\|")


def _what(info: Variant) -> str:
    """The first line of the docstring, its formula as code: `*`, `_` and `~` would be markup otherwise."""
    said, _, formula = info.summary.rstrip(".").rpartition(": ")
    shown = f"`{formula.replace('`', '')}`" if re.search(r"=|<-", formula) else formula
    # What a fusion's sentence begins with, its family, has a column of its own.
    return f"{said}: {shown}" if said and not _family(info) else shown


def table(axis: Axis) -> str:
    """A Markdown table: name, family where there are such, what it is, source, whether it is core, where any is."""
    found = own(axis)
    families, cores = any(map(_family, found.values())), any(info.core for info in found.values())
    header = ["name", *(["family"] if families else []), "what", "source", *(["core"] if cores else [])]
    lines = [header, ["---"] * len(header)]
    for name, info in found.items():
        family = [_family(info)] if families else []
        core = ["yes" if info.core else ""] if cores else []
        lines.append([f"`{name}`", *family, _what(info), info.source, *core])
    return "".join(f"| {' | '.join(map(_cell, line))} |\n".replace("|  |", "| |") for line in lines)


def update(text: str) -> str:
    """The text with every marked table as the registries have it. Raises UserError where none or an unknown one is."""

    def fresh(marked: re.Match[str]) -> str:
        axis = marked["axis"]
        if axis not in AXES:
            raise UserError(f"unknown axis {axis!r} in a marker of a table{suggest(axis, AXES)}")
        return f"{marked['start']}\n{table(axis)}\n{marked['end']}"

    made, count = MARKED.subn(fresh, text)
    if not count:
        raise UserError("the file holds no table of variants: <!-- variants: AXIS --> ... <!-- end -->")
    return made


def main(file: Path) -> None:
    """Bring the tables of a file up to date."""
    text = file.read_text(encoding="utf-8")
    made = update(text)
    if made != text:
        file.write_text(made, encoding="utf-8")
    click.echo(f"{file}: {'written' if made != text else 'up to date'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/variants.md"))
