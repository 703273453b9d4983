"""Tables of ranks and of summaries over data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.aggregates.summary import chance, spelt
from mmbench.report.sections.ranks.ladder import rank
from mmbench.report.values.analysis import Analysis
from mmbench.report.values.sections import Interval, RankTable


def _letters(table: RankTable, level: str) -> str:
    """`ab`: the groups that a level is in."""
    return "".join(chr(ord("a") + i) for i, group in enumerate(table.groups) if level in group)


def _flag(dropped: tuple[str, ...]) -> str:
    return f"; incomplete: {'; '.join(dropped)}" if dropped else ""


def ranks(analysis: Analysis) -> Iterator[Table]:
    found = analysis.ranks
    items = [(t, level) for t in found.tables for level in t.levels]
    if not items:
        return

    def on(name: str) -> Column:
        return (name, lambda x: rank(x[1].per_dataset[name]), True)

    columns: list[Column] = [
        ("factor", lambda x: x[0].factor, False),
        ("level", lambda x: x[1].level, False),
        ("mean rank ↓", lambda x: f"{x[1].mean_rank:.2f}", True),
        *(on(name) for name in found.datasets),
        ("group", lambda x: _letters(x[0], x[1].level) if x[0].withheld is None else "not tested", False),
    ]
    raw = (
        {
            "factor": t.factor,
            "level": level.level,
            "mean_rank": level.mean_rank,
            **{f"rank_{name}": value for name, value in level.per_dataset.items()},
            "settings": t.contexts,
            "group": _letters(t, level.level),
            "friedman_p": t.friedman,
            "least_p_holm": t.least,
            "data_sets_needed": t.needed,
            "withheld": t.withheld,
            "incomplete": "; ".join(found.dropped),
        }
        for t, level in items
    )
    said = "levels that share a letter cannot be told apart"
    caption = f"Ranks of each factor's levels by mean {found.by} on every data set; {said}{_flag(found.dropped)}"
    yield build("ranks", caption, items, raw, columns)
    pairs = [(t.factor, p) for t in found.tables for p in t.pairs]
    if pairs:
        columns = [
            ("factor", lambda x: x[0], False),
            ("ranked better", lambda x: x[1].first, False),
            ("ranked worse", lambda x: x[1].second, False),
            ("p", lambda x: f"{x[1].p:.2g}", True),
            ("p (Holm)", lambda x: f"{x[1].p_holm:.2g}", True),
            ("told apart", lambda x: "yes" if x[1].apart else "no", False),
        ]
        raw = (
            {"factor": f, "first": p.first, "second": p.second, "p": p.p, "p_holm": p.p_holm, "apart": p.apart}
            for f, p in pairs
        )
        caption = f"Wilcoxon signed-rank tests over data sets, Holm within each factor{_flag(found.dropped)}"
        yield build("rank_tests", caption, pairs, raw, columns)


def _interval(prefix: str, found: Interval | None) -> dict[str, Any]:
    return {
        prefix: found.value if found else None,
        f"{prefix}_low": found.low if found else None,
        f"{prefix}_high": found.high if found else None,
    }


def aggregates(analysis: Analysis) -> Iterator[Table]:
    found = analysis.aggregates
    items = [(t, m) for t in found.tables for m in t.members]
    if not items:
        return
    scale = found.scale
    columns: list[Column] = [
        ("factor", lambda x: x[0].factor, False),
        ("level", lambda x: x[1].name, False),
        (f"inter-quartile mean {scale.arrow}", lambda x: scale.number(x[1].iqm.value), True),
        ("interval", lambda x: spelt(x[1].iqm, scale) or "–", True),
        ("beaten by", lambda x: "" if x[1].improvement is None else x[0].first, False),
        ("with probability", lambda x: chance(x[1].improvement) or "–", True),
        ("runs", lambda x: str(x[1].runs), True),
    ]
    raw = (
        {
            "factor": t.factor,
            "level": m.name,
            "metric": scale.metric,
            **_interval("iqm", m.iqm),
            "first": t.first,
            **_interval("first_beats_it", m.improvement),
            "settings": t.contexts,
            "runs": m.runs,
            "incomplete": "; ".join(found.dropped),
        }
        for t, m in items
    )
    caption = (
        f"Summaries over data sets ({scale.label}): mean of the middle half of the runs, and the probability that a "
        f"run of the best beats one of this level; {100 * analysis.confidence:g} % intervals from a bootstrap over "
        f"seeds within data sets{_flag(found.dropped)}"
    )
    yield build("aggregates", caption, items, raw, columns)
