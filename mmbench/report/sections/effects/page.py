"""Effects as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.draw import dots, heat
from mmbench.report.draw.views import ALL, Name
from mmbench.report.scores.context import Context
from mmbench.report.sections.effects import interactions as interact
from mmbench.report.values.effects import EffectTable


@dataclass(frozen=True, kw_only=True)
class EffectView:
    finding: str
    terms: tuple[object, ...]
    split: tuple[tuple[str, float], ...]
    dropped: tuple[str, ...]
    levels: tuple[tuple[str, dots.Dots], ...]
    pairs: heat.Heats
    plots: tuple[interact.Interaction, ...]


def effect_views(context: Context) -> list[tuple[Name, EffectView]]:
    blocked = context.effects.blocked if context.has_all else None
    tables = [*([blocked] if blocked else []), *context.effects.per_dataset]
    return [(_effect_name(t), _effect_view(t)) for t in tables]


def _effect_name(effect: EffectTable) -> Name:
    if effect.dataset is None:
        title = f"All data sets{' by rank' if effect.scale.is_ranks else ''}, the data set as block"
        return Name(name=ALL, title=title, scale=effect.scale)
    return Name(name=effect.dataset, title=effect.dataset, scale=effect.scale)


def _effect_view(effect: EffectTable) -> EffectView:
    factors = dict.fromkeys(m.factor for m in effect.means)
    return EffectView(
        finding=effect.finding,
        terms=effect.terms,
        split=effect.split,
        dropped=effect.dropped,
        levels=tuple((f, dots.levels(f, effect.means, effect.scale)) for f in factors),
        pairs=heat.of_pairs(effect),
        plots=interact.interactions(effect),
    )
