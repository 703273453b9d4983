"""What is to be kept in mind where conclusions about trained models follow."""

from __future__ import annotations

from mmbench.report.scores.context import Context
from mmbench.report.values.words import listing

BRIEF = (
    "The models were trained too briefly to rank them: what is said here of attention, fusions and single combinations "
    "may change as training goes on."
)


def on_all(context: Context) -> tuple[str, ...]:
    """The same before what is said of all data sets: it names them, unless it holds for each."""
    short = [name for name in context.names if name in context.short]
    if len(short) < len(context.names):
        return (f"On {listing(short)}, {BRIEF[:1].lower()}{BRIEF[1:]}",) if short else ()
    return (BRIEF,)


def cautions(context: Context, dataset: str) -> tuple[str, ...]:
    """Sentences, before all others; none where nothing is to be kept in mind."""
    return (BRIEF,) if dataset in context.short else ()
