"""`mmbench list`: what there is to compare."""

from __future__ import annotations

from typing import Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import as_json_option
from mmbench.errors import UserError, suggest
from mmbench.registry import AXES, Variant, variants


def _options(info: Variant) -> dict[str, str | None]:
    """Each option and its default as text; None where it must be given."""
    found = info.options().items()
    return {name: None if p.default is p.empty else repr(p.default) for name, p in found}


def _describe(info: Variant) -> dict[str, Any]:
    described = {"name": info.name, "core": info.core, "source": info.source, "summary": info.summary}
    for key, attribute in (("family", ("family",)), ("page", ("origin", "page")), ("licence", ("origin", "licence"))):
        value = info.attribute(*attribute)
        if isinstance(value, str):
            described[key] = value
    return described | {"options": _options(info), "module": info.module}


def _show(axis: str, found: list[dict[str, Any]]) -> None:
    families = any("family" in d for d in found)
    heading(f"{axis} ({len(found)})")
    rows = []
    for d in found:
        options = ", ".join(k if v is None else f"{k}={v}" for k, v in d["options"].items())
        family = [d.get("family", "")] if families else []
        rows.append([d["name"], "core" if d["core"] else "", *family, options, d["source"]])
    table(["name", "core", *(["family"] if families else []), "options", "source"], rows)


@click.command("list", short_help="The variants, with their sources and options.")
@click.argument("axis", required=False)
@as_json_option
def list_variants(axis: str | None, json_: bool) -> None:
    """Show every variant of AXIS, or of all axes, with its source and options.

    "core" marks what the source article defines; `grid: {attention: core}` in params.yaml means those.
    """
    if axis is not None and axis not in AXES:
        raise UserError(f"unknown axis {axis!r}{suggest(axis, AXES)}")
    chosen = AXES if axis is None else (axis,)
    found = {name: [_describe(info) for info in variants(name).values()] for name in chosen}
    if json_:
        as_json(found)
        return
    for name, described in found.items():
        _show(name, described)
