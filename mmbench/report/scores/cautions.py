"""What is to be kept in mind where conclusions about models of a data set follow."""

from __future__ import annotations

from mmbench.report.scores.context import Context

BRIEF = (
    "The models were trained too briefly to rank them: what is said here of attention, fusions and single combinations "
    "may change as training goes on."
)


def cautions(context: Context, dataset: str) -> tuple[str, ...]:
    """Sentences, before all others; none where nothing is to be kept in mind."""
    return (BRIEF,) if dataset in context.short else ()
