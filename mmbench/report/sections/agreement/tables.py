"""Tables of agreement: pairs of combinations, and the best against each other one."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.draw.words import VERDICTS
from mmbench.report.sections.agreement.compute import DatasetAgreement
from mmbench.report.values import titles
from mmbench.report.values.words import number


def tables(d: DatasetAgreement) -> Iterator[Table]:
    yield pairs_table(d)
    if d.found.against:
        yield against_table(d)


def pairs_table(d: DatasetAgreement) -> Table:
    """Every two combinations, and each with itself over trainings."""
    found = d.found
    rows = [(i, j) for i in range(len(found.methods)) for j in range(i + 1)]

    def common(i: int, j: int) -> float | None:
        return found.common[i][j] if found.common else None

    columns: list[Column] = [
        ("combination", lambda x: titles.titled(found.methods[x[0]]), False),
        ("and", lambda x: "another training" if x[0] == x[1] else titles.titled(found.methods[x[1]]), False),
        ("likeness of errors", lambda x: number(found.same[x[0]][x[1]]), True),
    ]
    if found.common:
        columns.append(("times independent", lambda x: _times(common(*x)), True))
    raw = (
        {
            "dataset": d.name,
            "method": found.methods[i],
            "other": found.methods[j],
            "likeness": found.same[i][j],
            "common_over_independent": common(i, j),
        }
        for i, j in rows
    )
    what = (
        "correlation of residuals" if d.numbers else "Cohen's kappa of errors, and common errors over independent ones"
    )
    return build(f"agreement_{d.name}", f"{d.name}: {what}, of the best on validation", rows, raw, columns)


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def against_table(d: DatasetAgreement) -> Table:
    """McNemar's test of the first against each other one."""
    first = d.found.methods[0]
    columns: list[Column] = [
        ("combination", lambda x: titles.titled(x.method), False),
        ("only the best is right", lambda x: f"{x.wins:.1f}", True),
        ("only this one", lambda x: f"{x.losses:.1f}", True),
        ("p (Holm)", lambda x: f"{x.p_holm:.2g}", True),
        ("the best is", lambda x: VERDICTS[d.verdict(x)], False),
    ]
    raw = (
        {
            "dataset": d.name,
            "method": first,
            "other": x.method,
            "wins": x.wins,
            "losses": x.losses,
            "p": x.p,
            "p_holm": x.p_holm,
            "seeds": x.seeds,
            "verdict": d.verdict(x),
        }
        for x in d.found.against
    )
    caption = f"{d.name}: {titles.titled(first)} and each other one on the same test samples, means over seeds"
    return build(f"mcnemar_{d.name}", caption, d.found.against, raw, columns)
