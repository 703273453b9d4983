"""Provenance as a list."""

from __future__ import annotations

from mmbench.report.scores.context import Context
from mmbench.report.values.datasets import origin
from mmbench.report.values.provenance import source_words
from mmbench.report.values.words import listing


def provenance_lines(context: Context) -> list[str]:
    """Commits, data, versions, hardware, sources, seeds, time and budget, a line for each."""
    p = context.provenance
    return [
        f"commits: {listing(p.commits)}" + (" (working tree changed)" if p.dirty else ""),
        *(f"data {name}: {value}" for name, value in p.data_hashes.items()),
        *(f"{d.name}: {origin(d)}" for d in context.datasets if origin(d)),
        *(f"{package}: {', '.join(found)}" for package, found in p.versions.items()),
        *(f"hardware: {h}" for h in p.hardware),
        *(f"source: {source_words(s)}" for s in p.sources),
        f"seeds: {listing([str(s) for s in p.seeds], most=20)}",
        f"trial time: {p.hours:.2f} h; {p.fingerprints} fingerprints of the source",
        f"first trial: {p.first or '–'}; last trial: {p.last or '–'}",
        "budget: " + ", ".join(f"{k} {v}" for k, v in p.budget.items()),
    ]
