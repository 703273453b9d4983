"""`mmbench list`: what there is to compare."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import as_json_option
from mmbench.errors import UserError, suggest
from mmbench.registry import AXES, Axis, Variant, variants
from mmbench.source.locate import source_file

WIDTH = 120
"""Letters of a line."""


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
    if isinstance(default := info.attribute("default"), bool):
        described["default"] = default
    return described | {"options": _options(info), "module": info.module}


def _written_doc(info: Variant) -> str | None:
    """The docstring as the file has it, so that nothing is imported: PyTorch takes seconds. None where the class has
    none of its own, or is in no file."""
    file = source_file(info.module)
    if file is None:
        return None
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and any(_marks(mark, info.name) for mark in node.decorator_list):
            return ast.get_docstring(node)
    return None


def _marks(mark: ast.expr, name: str) -> bool:
    first = mark.args[0] if isinstance(mark, ast.Call) and mark.args else None
    return isinstance(first, ast.Constant) and first.value == name


def _show_one(axis: str, info: Variant) -> None:
    """Everything that a variant says of itself."""
    found = _describe(info)
    when = "; core: what the source article defines" if info.core else ""
    if "default" in found:
        when = "; measured by default" if found["default"] else "; measured where `probes` in params.yaml asks for it"
    click.secho(f"{info.name} ({axis}{when})", bold=True)
    doc = _written_doc(info) or inspect.getdoc(info.cls)
    if doc:
        click.echo(doc)
    click.echo()
    for name, option in info.options().items():
        default = "must be given" if option.default is option.empty else f"default {option.default!r}"
        click.echo(f"{'option':<8} {name}, {default}")
    for what in ("family", "source", "licence", "page", "module"):
        if found.get(what):
            click.echo(f"{what:<8} {found[what]}")


def _find(name: str) -> list[tuple[Axis, Variant]]:
    """The variants of that name, of whatever axis."""
    return [(axis, variants(axis)[name]) for axis in AXES if name in variants(axis)]


def _show(axis: str, found: list[dict[str, Any]]) -> None:
    """A line each that fits a terminal."""
    heading(f"{axis} ({len(found)})")
    asked = any("default" in d for d in found)
    names = ["name", "measured" if asked else "core"]
    first = [[d["name"], _mark(d)] for d in found]
    used = sum(max(map(len, column)) + 2 for column in zip(names, *first, strict=True))
    what = [textwrap.shorten(d["summary"], WIDTH - used, placeholder=" …") for d in found]
    table([*names, "what it is"], [[*row, said] for row, said in zip(first, what, strict=True)])


def _mark(described: dict[str, Any]) -> str:
    if "default" in described:
        return "by default" if described["default"] else "if asked for"
    return "core" if described["core"] else ""


@click.command("list", short_help="The variants, and what each is.")
@click.argument("what", metavar="[AXIS|NAME]", required=False)
@as_json_option
def list_variants(what: str | None, json_: bool) -> None:
    """Show every variant of AXIS, or of all axes, and what it is; or everything about the one of that NAME: formula,
    shapes, cost, options, source.

    "core" marks what the source article defines; `attention: core` in params.yaml selects those. Probes are measured by
    default, or where `probes` in params.yaml asks for them.
    """
    named = [] if what is None or what in AXES else _find(what)
    if what is not None and what not in AXES and not named:
        known = [*AXES, *(name for axis in AXES for name in variants(axis))]
        raise UserError(f"no axis and no variant is named {what!r}{suggest(what, known)}")
    if named and not json_:
        for i, (axis, info) in enumerate(named):
            if i:
                click.echo()
            _show_one(axis, info)
        return
    chosen = AXES if what is None else tuple(axis for axis in AXES if axis == what)
    found: dict[str, list[dict[str, Any]]] = {
        name: [_describe(info) for info in variants(name).values()] for name in chosen
    }
    found |= {axis: [_describe(info)] for axis, info in named}
    if json_:
        as_json(found)
        return
    for name, described in found.items():
        _show(name, described)
    click.echo()
    click.echo("`mmbench list NAME` shows formula, shapes, options and source of one.")
