"""Tables of the variance explained and of marginal means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.effects import EffectTable
from mmbench.report.values.words import interval, number, percent
from mmbench.stats.variance import Term


def name_of(table: EffectTable) -> str:
    return table.dataset or "all"


def effect_tables(context: Context) -> list[EffectTable]:
    """Per data set, then with data set as block."""
    blocked = context.effects.blocked
    return [*context.effects.per_dataset, *([] if blocked is None else [blocked])]


def _with_split(table: EffectTable) -> Iterator[Term]:
    """The lines of the table of variance, with those that the attention axis is made of below it."""
    for term in table.terms:
        yield term
        if term.factors == ("attention",):
            for label, share in table.split:
                yield Term(factors=(label,), label=label, df=0, share=share, omega2=None, p=None)


def effects_tables(context: Context) -> Iterator[Table]:
    parts = effect_tables(context)
    terms = [(name_of(t), term) for t in parts for term in _with_split(t)]
    if terms:
        columns: list[Column] = [
            ("data set", lambda x: x[0], False),
            ("term", lambda x: x[1].label, False),
            ("df", lambda x: str(x[1].df) if x[1].df else "–", True),
            ("share", lambda x: percent(x[1].share), True),
            ("ω²", lambda x: "–" if x[1].omega2 is None else number(x[1].omega2), True),
            ("p", lambda x: "–" if x[1].p is None else f"{x[1].p:.2g}", True),
        ]
        raw = ({"dataset": name, **asdict(t), "factors": " ".join(t.factors)} for name, t in terms)
        caption = "Variance explained (Type II); all: with data set as block"
        yield build("effects", caption, terms, raw, columns)
    means = [(name_of(t), mean, t.scale) for t in parts for mean in t.means]
    if means:
        mixed = len({t.scale.metric for t in parts}) > 1
        arrow = parts[0].scale.arrow
        metric: Column = ("metric", lambda x: x[2].title, False)
        columns = [
            ("data set", lambda x: x[0], False),
            ("factor", lambda x: x[1].factor, False),
            ("level", lambda x: titles.level(x[1].factor, x[1].level), False),
            ("mean" if mixed else f"mean {arrow}", lambda x: interval(x[1].score, x[2]), True),
            *([metric] if mixed else []),
            ("settings", lambda x: str(x[1].contexts), True),
        ]
        raw = (
            {
                "dataset": name,
                "factor": m.factor,
                "level": m.level,
                "title": titles.level(m.factor, m.level),
                "metric": scale.metric,
                **spread_columns("score", m.score),
                "settings": m.contexts,
            }
            for name, m, scale in means
        )
        noise = "; intervals for comparing levels" if context.replicated else "; one seed, no intervals"
        caption = f"Marginal means over the settings that all levels share{noise}"
        yield build("marginal_means", caption, means, raw, columns)
