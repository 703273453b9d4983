"""What the first screen holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmbench.report.scores.choices import AxisChoices, Choice, Interaction
from mmbench.report.scores.context import Context
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A method that one may take, and what that costs.

    Attributes:
        labels: What speaks for it: "Highest score", "Smallest" ...
        loss: To the best combination, None for that itself or where it is not known; worst: data set -> the same where
            it loses most, where there are several.
        costs: parameters, train_seconds, inference_us -> relative to the best combination; absent where not known.
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


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One line of what to know before relying on the answer. fine: nothing is wrong with that."""

    fine: bool
    bold: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Of one data set, or of all together (name: None). payoff: data set -> the best combination minus the best single
    modality. depends: where it depends on a leading axis what another is worth."""

    name: str | None
    scale: Scale
    axes: tuple[AxisChoices, ...]
    depends: Interaction | None
    lead: tuple[str, ...]
    picks: tuple[Pick, ...]
    payoff: Mapping[str, Difference]

    @property
    def shown(self) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
        """Axis and its choices on the page, the axis with the largest difference first. Where an axis depends on
        another, it has choices beside the leading levels of that, then beside the others."""
        made = []
        for a in sorted(self.axes, key=lambda a: -a.largest):
            choices = a.shown
            if self.depends is not None and self.depends.inside.axis == a.axis:
                first, other = (x.shown for x in (self.depends.inside, self.depends.outside))
                choices = (max(first, key=lambda c: c.found.mean), max(other, key=lambda c: c.found.mean))
            made.append((a.axis, choices))
        return tuple(made)


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    """screens: all data sets together first, where there is something to say of them."""

    context: Context = field(repr=False, compare=False)
    screens: tuple[Screen, ...]
    limits: tuple[Limit, ...]
