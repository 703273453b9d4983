"""Tables of ranks and of summaries over data sets."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.ranks.ladder import rank
from mmbench.report.sections.ranks.record import Ranks, RankTable
from mmbench.report.values import titles
from mmbench.report.values.words import incomplete_flag


def _letters(table: RankTable, level: str) -> str:
    """`ab`: the groups that a level is in."""
    return "".join(chr(ord("a") + i) for i, group in enumerate(table.groups) if level in group)


def ranks(found: Ranks) -> Iterator[Table]:
    items = [(t, level) for t in found.tables for level in t.levels]
    if not items:
        return

    def on(name: str) -> Column:
        return (name, lambda x: rank(x[1].per_dataset[name]), True)

    columns: list[Column] = [
        ("factor", lambda x: x[0].factor, False),
        ("level", lambda x: titles.side(x[0].factor, x[1].level), False),
        ("mean rank ↓", lambda x: f"{x[1].mean_rank:.2f}", True),
        *(on(name) for name in found.datasets),
        ("group", lambda x: _letters(x[0], x[1].level) if x[0].withheld is None else "not tested", False),
    ]
    raw = (
        {
            "factor": t.factor,
            "level": level.level,
            "title": titles.side(t.factor, level.level),
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
    said = "between levels that share a letter it is open"
    caption = (
        f"Ranks of each factor's levels by mean {found.by} on every data set; {said}{incomplete_flag(found.dropped)}"
    )
    yield build("ranks", caption, items, raw, columns)
    pairs = [(t.factor, p) for t in found.tables for p in t.pairs]
    if pairs:
        columns = [
            ("factor", lambda x: x[0], False),
            ("ranked better", lambda x: titles.side(x[0], x[1].first), False),
            ("ranked worse", lambda x: titles.side(x[0], x[1].second), False),
            ("p", lambda x: f"{x[1].p:.2g}", True),
            ("p (Holm)", lambda x: f"{x[1].p_holm:.2g}", True),
            ("verdict", lambda x: "better" if x[1].apart else "open", False),
        ]
        raw = (
            {"factor": f, "first": p.first, "second": p.second, "p": p.p, "p_holm": p.p_holm, "apart": p.apart}
            for f, p in pairs
        )
        caption = f"Wilcoxon signed-rank tests over data sets, Holm within each factor{incomplete_flag(found.dropped)}"
        yield build("rank_tests", caption, pairs, raw, columns)
