"""What the first screen holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmbench.report.scores.choices import AxisChoices, Choice
from mmbench.report.scores.context import Context
from mmbench.report.scores.interaction import Interaction
from mmbench.report.values.methods import Method
from mmbench.report.values.numbers import NONE, two_figures
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate

COSTS = ("parameters", "train_seconds", "inference_us")
"""What a pick costs, as fields of CellCost."""

DEAR = 2
"""From how many times the inference time of the best combination on that is told beside a recommendation."""


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A method that one may take, and what that costs.

    Attributes:
        labels: What speaks for it: "Highest score", "Smallest" ...
        loss: To the best combination, None for that itself or where it is not known; worst: data set -> the same where
            it loses most, where there are several.
        costs: Of COSTS -> relative to the best combination; absent where not known.
        recommended: Whether this is the one to take where nothing else decides.
        command: That trains its first seed again.
    """

    labels: tuple[str, ...]
    method: Method
    score: Estimate | None
    loss: Difference | None
    worst: tuple[str, Difference] | None
    costs: Mapping[str, float]
    recommended: bool
    command: str

    @property
    def advice(self) -> str:
        """`recommended`, or `recommended; 8.3 times the inference` where it is much slower than the best combination;
        nothing where it is not recommended."""
        if not self.recommended:
            return ""
        ratio = self.costs.get("inference_us", 0.0)
        return "recommended" if ratio < DEAR else f"recommended; {two_figures(ratio)} times the inference"

    def share(self, cost: str) -> str:
        """That cost in per cent of the best combination's: `40 %`, `8.1 %`; a dash where it is not known."""
        value = self.costs.get(cost)
        if value is None:
            return NONE
        return f"{100 * value:.0f} %" if 0.095 <= value < 10 else f"{two_figures(100 * value)} %"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One line of what to know before relying on the answer. fine: nothing is wrong with that."""

    fine: bool
    bold: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Of one data set, or of all together (name: None). payoff: data set -> the best combination minus the best single
    modality. depends: where it depends on a leading axis what another is worth. brief: models were trained too briefly
    to be ranked, here or on one of the data sets."""

    name: str | None
    scale: Scale
    axes: tuple[AxisChoices, ...]
    depends: Interaction | None
    lead: tuple[str, ...]
    picks: tuple[Pick, ...]
    limits: tuple[Limit, ...]
    payoff: Mapping[str, Difference]
    brief: bool = False

    @property
    def worth(self) -> str:
        """The heading above choices."""
        return f"What each choice is worth{' so far' if self.brief else ''}"

    @property
    def take(self) -> str:
        """The heading above picks."""
        return f"{'The best so far' if self.brief else 'What to take'}, by what you can afford"

    @property
    def shown(self) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
        """Axis and its choices on the page, the axis with the largest difference first. Where an axis depends on
        another, it has choices beside the leading levels of that, then beside the others."""
        made = []
        for a in sorted(self.axes, key=lambda a: -a.largest):
            choices = a.shown
            if self.depends is not None and self.depends.inside.axis == a.axis:
                first, other = (x.shown for x in (self.depends.inside, self.depends.outside))
                choices = tuple(max(x, key=lambda c: c.found.mean) for x in (first, other) if x)
            made.append((a.axis, choices))
        return tuple(made)


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    """screens: all data sets together first, where there is something to say of them."""

    context: Context = field(repr=False, compare=False)
    screens: tuple[Screen, ...]
