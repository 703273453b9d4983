"""Methods of relevance by what they are judged by, and attention weights against the others."""

from __future__ import annotations

from mmbench.report.draw.table import Column, Table, build, gain_columns, spread_columns
from mmbench.report.draw.words import VERDICTS
from mmbench.report.sections.interpretation.finding import text
from mmbench.report.sections.interpretation.record import Interpretation, Judge
from mmbench.report.values.numbers import NONE, signed
from mmbench.report.values.words import count
from mmbench.schema.relevance import METHODS, TITLES


def judged_table(part: Interpretation) -> Table:
    """A row a judge, a column a method of relevance."""
    methods = [m for m in METHODS if m in part.judged]

    def shown(judge: Judge, method: str) -> str:
        found = part.judged[method].get(judge.name)
        return NONE if found is None else text(found)

    columns: list[Column] = [
        ("what", lambda j: j.title, False),
        *((TITLES[m], lambda j, m=m: shown(j, m), True) for m in methods),
    ]
    raw = (
        {"dataset": part.dataset, "method": m, "judge": j.name} | spread_columns("value", part.judged[m].get(j.name))
        for j in part.judges
        for m in methods
    )
    which = "of attention mechanisms that have weights" if part.attends else "of all combinations"
    caption = f"{part.dataset}: methods of relevance, means over {count(part.trials, 'trial')} {which}"
    return build(f"interpretation_{part.dataset}", caption, part.judges, raw, columns)


def differences_table(part: Interpretation) -> Table | None:
    """Attention weights minus each other method, on the same trials."""
    if not part.differences:
        return None
    columns: list[Column] = [
        ("what", lambda x: x[0].label, False),
        ("attention weights against", lambda x: TITLES[x[1].reference], False),
        ("difference", lambda x: signed(f"{x[1].mean:+.3f}"), True),
        ("±", lambda x: NONE if x[1].half is None else f"{x[1].half:.3f}", True),
        ("verdict", lambda x: VERDICTS[x[1].verdict], False),
    ]
    raw = (
        {"dataset": part.dataset, "judge": j.name, "method": d.subject, "against": d.reference}
        | gain_columns("difference", d)
        for j, d in part.differences
    )
    caption = f"{part.dataset}: attention weights against other methods of relevance, + better"
    return build(f"interpretation_differences_{part.dataset}", caption, part.differences, raw, columns)
