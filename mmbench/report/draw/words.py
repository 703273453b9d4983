"""The words that several parts of the page share: what a row is, what its place is, what a hover says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mmbench.report.values.cells import CellRow
from mmbench.report.values.numbers import NONE
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate, Verdict

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
VERDICTS: dict[Verdict, str] = {"better": "better", "worse": "worse", "equal": "equal", "open": "open"}


def one_or(values: Iterable[str], other: str) -> str:
    """The one value that all are, or something else."""
    found = set(values)
    return found.pop() if len(found) == 1 else other


def plural(number: int, word: str) -> str:
    """1 seed, 2 seeds, 1,734 cells"""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def estimate(value: Estimate | None, scale: Scale) -> str:
    """0.912 ±0.005"""
    if value is None:
        return NONE
    mean = scale.number(value.mean)
    return mean if value.half is None else f"{mean} {scale.plus_minus(value.half)}"


def difference(value: Difference | None, scale: Scale) -> str:
    """+10.8 ±1.2"""
    if value is None:
        return NONE
    half = "" if value.half is None else f" ±{scale.width(value.half)}"
    return scale.change(value.mean) + half


def cause(row: CellRow) -> str:
    """Why a row has no score, in a word or two: the state that most of its seeds ended in."""
    if row.state == "skipped" or not row.seeds:
        return STATES[row.state]
    endings = [s.state for s in row.seeds if s.state != "done"]
    bad = [s for s in endings if s in BAD] or endings
    return CAUSES[max(sorted(set(bad)), key=bad.count)] if bad else STATES[row.state]


def mark(row: CellRow | OverallRow) -> str:
    """Of the best, of what is equal to it within the margin, and of what is open."""
    return "★" if row.best else {"equal": "•", "open": "◦"}.get(row.verdict or "", "")


def place_words(row: CellRow | OverallRow, scale: Scale) -> str:
    """The place of a ranked row, in words."""
    if row.rank is None:
        return "not ranked"
    if row.best:
        return f"{scale.extreme} {'mean rank' if scale.is_ranks else 'mean'}"
    if row.verdict is None:
        return f"rank {row.rank} by its mean; one seed decides nothing"
    if row.verdict == "equal":
        return f"rank {row.rank}, equal to the best within {scale.rope_words}"
    return f"rank {row.rank}, {row.verdict}{' than the best' if row.verdict == 'worse' else ''}"


def describe(row: CellRow, scale: Scale) -> str:
    """The hover text of a row: name, data set, score with interval and n, state."""
    lines = [f"{row.key} · {row.dataset}"]
    if row.score is None:
        lines.append(f"{cause(row)}{': ' + row.reason if row.reason else ''}")
        return "\n".join(lines)
    what = "" if scale.unit == "points" else f"{scale.label} "
    # A partial cell prints its n; what is read out holds what is printed.
    seeds = f"n\u202f=\u202f{row.done}" if row.state == "partial" else str(row.done)
    comma = "" if row.state == "partial" else ","
    lines.append(f"{what}{estimate(row.score, scale)}{comma} {seeds} of {plural(row.declared, 'seed')}")
    if row.method.role == "cell":
        lines.append(place_words(row, scale))
    if row.state != "complete":
        lines.append(f"{STATES[row.state]}{': ' + row.reason if row.reason else ''}")
    return "\n".join(lines)


def describe_overall(row: OverallRow, overall: Overall, scales: Mapping[str, Scale]) -> str:
    """The same for a cell over all data sets. scales: by data set."""
    scale = overall.scale
    if row.score is None:
        return f"{row.key}\nincomplete: no mean over all data sets, since it is not ranked on {', '.join(row.missing)}"
    where = ", ".join(f"{name} {scales[name].number(value)}" for name, value in row.per_dataset.items())
    place = place_words(row, scale)
    what = "mean rank over" if scale.is_ranks else "mean of"
    return f"{row.key}\n{estimate(row.score, scale)}, {what} {plural(row.score.n, 'data set')}\n{where}\n{place}"
