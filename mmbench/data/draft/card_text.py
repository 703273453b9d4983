"""The text of a drafted card: values as YAML in one line, each with the comment that says why."""

from __future__ import annotations

import re
from typing import Any

import yaml

from mmbench.data.draft.guess import Guess
from mmbench.data.table.findings import quote

UNSURE = "  # ? "
LONGEST = 56
"""Characters of a modality's name, which is part of the names of files."""


def target_text(columns: list[str], g: Guess) -> str:
    """What stands under `target`: `{classification: label}`."""
    options = dict(g.options)
    if len(columns) == 1 and not options:
        return in_line({g.kind: columns[0]})
    inner = {"columns": columns if len(columns) > 1 else columns[0], **options}
    return in_line({g.kind: inner})


def modality_text(name: str, key: str, g: Guess) -> str:
    """What stands under a modality, which is called `key`, of the column `name`: `image`, `{text: {files: true}}`."""
    options: dict[str, Any] = dict(g.options)
    if key != name and "prefix" not in options and "path" not in options:
        options = {"column": name, **options}
    return in_line({g.kind: options}) if options else g.kind


def safe_name(name: str, taken: set[str]) -> str:
    """A name that a file can have, of a modality's arrays, and that no other has."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST] or "column"
    plain = "column" if plain.lower() == "label" else plain
    names = (plain, *(f"{plain}_{n}" for n in range(2, len(taken) + 3)))
    return next(candidate for candidate in names if candidate not in taken)


def in_line(value: Any) -> str:
    """As YAML in one line that is read back as it is. PyYAML writes some names without quotation marks that it cannot
    read so, such as `{a: b?}`."""
    for style in (None, '"'):
        text = yaml.safe_dump(
            value,
            default_flow_style=True,
            width=10**9,
            sort_keys=False,
            allow_unicode=style is None,
            default_style=style,
        )
        text = text.removesuffix("\n").removesuffix("\n...").strip()
        if "\n" not in text and _reads(text) == value:
            break
    return text


def _reads(text: str) -> Any:
    """What a value of a card means, a comment behind it."""
    try:
        return yaml.safe_load(f"key: {text}  # ?")["key"]
    except yaml.YAMLError:
        return None


def commented(text: str, comment: str, *, sure: bool = True) -> str:
    """A line of YAML with its comment, which must not break it."""
    plain = " ".join(quote(comment).split())
    return f"{text.ljust(44)}{'  # ' if sure else UNSURE}{plain}"
