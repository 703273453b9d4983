"""The colours of runs: one an architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PALETTE = {
    "#0A70C2": "blue",
    "#A33B00": "brown",
    "#29A3A3": "teal",
    "#5B1F66": "purple",
    "#99850A": "olive",
    "#1F1F1F": "black",
}
GREY = "#8A9099"


def colours(levels: Iterable[str]) -> dict[str, str]:
    """A colour for each level, by name order; beyond the palette all are grey rather than look-alikes."""
    names, known = sorted(set(levels)), list(PALETTE)
    return {name: known[i] if i < len(known) else GREY for i, name in enumerate(names)}


def legend(colour: Mapping[str, str]) -> str:
    """In words, since MLflow's charts have a legend of runs alone: `hybrid blue, independent brown`."""
    return ", ".join(f"{name} {PALETTE.get(shade, 'grey')}" for name, shade in colour.items())
