"""What a run cites: every variant, data set and baseline that is in it, its statistics, and mmbench itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from mmbench.errors import UserError
from mmbench.registry import GRID_AXES, Axis, defined, variants
from mmbench.report.draw import latex
from mmbench.report.paper.references import Reference, bibliography, cited, entry, known
from mmbench.report.scores.context import Context
from mmbench.report.values.datasets import DatasetReport

STATISTICS = ("gupta1965some", "dunnett1955multiple", "holm1979simple", "schuirmann1987comparison", "smyth2004linear")
TOOLS = ("loshchilov2019decoupled", "paszke2019pytorch")
TITLE = "mmbench: which attention, fusion and architecture is best for multimodal data"
AUTHORS = "{The mmbench maintainers}"
"""As CITATION.cff has them."""
MMBENCH = "mmbench"
"""Key of the entry."""


def of_variant(axis: str, label: str) -> list[Reference]:
    """Of a level; nothing for what is not installed here, and for what mmbench itself or an unnamed article defines."""
    name, known_axis = label.partition("(")[0], cast("Axis", axis)
    try:
        found = defined().get((known_axis, name)) or variants(known_axis).get(name)
    except UserError:
        return []
    return [] if found is None else cited(found.source)


def of_dataset(d: DatasetReport) -> list[Reference]:
    """What its card says; where that names nobody, the card's words."""
    found = [*of_variant("dataset", d.name), *cited(d.citation), *cited(d.source)]
    if found or not (d.citation or d.source):
        return found
    said = d.citation or d.source
    key = "data" + re.sub(r"[^a-z0-9]", "", d.name.lower())
    return [entry("misc", key, {"title": f"{{{latex.escape(d.name)}}}", "note": latex.escape(said)})]


def mmbench(context: Context) -> Reference:
    """The version that the run was made with, in the year of its last trial."""
    versions = context.provenance.versions.get("mmbench", ())
    year = context.date[:4] if context.date else ""
    fields = {"title": f"{{{TITLE}}}", "author": AUTHORS, "year": year}
    note = [f"version {' and '.join(versions)}"] if versions else []
    note += [f"commit {context.commit[:10]}"] if context.commit else []
    return entry("misc", MMBENCH, fields | {"note": latex.escape(", ".join(note))})


def _stems(context: Context) -> Iterator[Reference]:
    kinds = {m.kind: None for name in context.names for m in context.specs[name].modalities.values()}
    for kind in kinds:
        yield from of_variant("stem", kind)


def _all(context: Context) -> Iterator[Reference]:
    yield mmbench(context)
    for factor in context.factors:
        for level in factor.levels:
            yield from of_variant(factor.name, level)
    for method in context.methods.values():
        if method.baseline is not None:
            yield from of_variant("baseline", method.baseline)
        elif method.role == "single":
            yield from of_variant(GRID_AXES[0], str(method.attention))
    yield from _stems(context)
    for d in context.datasets:
        yield from of_dataset(d)
    yield from (known()[key] for key in (*STATISTICS, *TOOLS))


def unnamed(context: Context) -> list[str]:
    """Levels and baselines that have no reference, in words."""
    levels = [(f.name, lv) for f in context.factors for lv in f.levels]
    levels += [("baseline", m.baseline) for m in context.methods.values() if m.baseline is not None]
    return [f"{axis} {level}" for axis, level in dict.fromkeys(levels) if not of_variant(axis, level)]


def bib(context: Context) -> str:
    """references.bib."""
    none = unnamed(context)
    head = "% Every variant, data set and baseline of this run, its statistics, and mmbench itself.\n"
    head += f"% Without a reference: {', '.join(none)}.\n" if none else ""
    return latex.ascii_only(head) + "\n" + "\n".join(bibliography(_all(context))) + "\n"
