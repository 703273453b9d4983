"""The words that several parts of the page share: what a row is, how it stands, what a hover says."""

from __future__ import annotations

from mmbench.report.analysis import CellRow, Difference, Estimate, OverallRow, Verdict
from mmbench.report.view.numbers import NONE, plus_minus, points, score

CAUSES = {
    "done": "done",
    "failed": "failed",
    "diverged": "diverged",
    "timeout": "time limit",
    "out_of_memory": "out of memory",
    "skipped": "skipped",
    "pending": "not run",
}
BAD = ("failed", "diverged", "timeout", "out_of_memory")
STATES = {
    "complete": "complete",
    "partial": "partial",
    "failed": "failed",
    "pending": "not run",
    "skipped": "skipped",
}
VERDICTS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "equal": "practically equal",
    "unclear": "cannot be told",
}


def plural(number: int, word: str) -> str:
    """1 seed, 2 seeds"""
    return f"{number:,} {word}{'' if number == 1 else 's'}".replace(",", "\u202f")


def estimate(value: Estimate | None) -> str:
    """0.912 ±0.005"""
    if value is None:
        return NONE
    return score(value.mean) if value.half is None else f"{score(value.mean)} {plus_minus(value.half)}"


def difference(value: Difference | None) -> str:
    """+10.8 ±1.2"""
    if value is None:
        return NONE
    half = "" if value.half is None else f" ±{value.half * 100:.1f}"
    return points(value.mean) + half


def cause(row: CellRow) -> str:
    """Why a row has no score, in a word or two: the state that most of its seeds ended in."""
    if row.state == "skipped" or not row.seeds:
        return STATES[row.state]
    endings = [s.state for s in row.seeds if s.state != "done"]
    bad = [s for s in endings if s in BAD] or endings
    return CAUSES[max(sorted(set(bad)), key=bad.count)] if bad else STATES[row.state]


def standing(*, best: bool, in_top: bool | None, rank: int | None) -> str:
    """How a ranked row stands, in words."""
    if rank is None:
        return "not ranked"
    if best:
        return "highest mean"
    if in_top is None:
        return f"rank {rank} by its mean; one seed tells nothing apart"
    return "cannot be told apart from the best" if in_top else f"rank {rank}"


def describe(row: CellRow) -> str:
    """The hover text of a row: name, data set, score with interval and n, state."""
    lines = [f"{row.key} · {row.dataset}"]
    if row.score is None:
        lines.append(f"{cause(row)}{': ' + row.reason if row.reason else ''}")
        return "\n".join(lines)
    lines.append(f"{estimate(row.score)}, {row.done} of {plural(row.declared, 'seed')}")
    if row.method.role == "cell":
        lines.append(standing(best=row.best, in_top=row.in_top, rank=row.rank))
    if row.state != "complete":
        lines.append(f"{STATES[row.state]}{': ' + row.reason if row.reason else ''}")
    return "\n".join(lines)


def describe_overall(row: OverallRow) -> str:
    """The same for a cell over all data sets."""
    if row.score is None:
        return f"{row.key}\nno mean over all data sets: not ranked on {', '.join(row.missing)}"
    where = ", ".join(f"{name} {score(value)}" for name, value in row.per_dataset.items())
    stands = standing(best=row.best, in_top=row.in_top, rank=row.rank)
    return f"{row.key}\n{estimate(row.score)}, mean of {plural(row.score.n, 'data set')}\n{where}\n{stands}"
