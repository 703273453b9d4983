"""Equal numbers of parameters: the size at which a cell has as many as the reference cell of its data set.

The reference is `scaled_dot_product + concat · independent` over all modalities of the data set at the size in
params.yaml. It does not depend on the grid, so that one more level in the grid changes the size of no other cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Choice, ModelSettings, ModelSize
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.planning.model_counts import ModelCounter

TOLERANCE = 0.045
"""Every cell lies within this share of the reference, so any two within 10 %: 1.045 / 0.955 < 1.1."""
MOST = 2.0
"""Hidden units are at most so many times as many as in params.yaml, or as few."""
WIDEST = 32
"""Nor is a model made more than so many times as wide."""
NAME = "scaled_dot_product + concat · independent"


class CannotMatchError(Exception):
    """No size gives the cell about as many parameters as the reference. The message says what comes nearest."""


def around(target: int, count: Callable[[int], int], *, start: int, step: int) -> list[int]:
    """The neighbouring multiples of `step` between whose counts the target lies; one, where it is met or none is below.

    Numbers of parameters grow about as the square of a width, which is where the next guess comes from. A fusion that
    projects from some width on may need fewer parameters there than before: then the crossing that is found is one of
    several.
    """
    below, above, width = 0, 0, start
    while True:
        found = count(width)
        if found == target:
            return [width]
        below, above = (width, above) if found < target else (below, width)
        if above == step:
            return [above]
        if above and above - below <= step:
            return [below, above]
        if below >= WIDEST * start:
            return [below]
        guess = round(width * math.sqrt(target / found) / step) * step
        lowest, highest = below + step, above - step if above else max(guess, below + step)
        width = min(max(guess, lowest), highest)


class Matcher:
    """Finds sizes; remembers the reference of every data set."""

    def __init__(self, settings: ModelSettings, counter: ModelCounter) -> None:
        self.settings, self.counter = settings, counter
        self._targets: dict[str, int] = {}

    def target(self, spec: DataSpec) -> int:
        """Trainable parameters of the reference cell. A data set of one modality has its single model instead."""
        if spec.name not in self._targets:
            reference = TrialConfig(
                role="cell",
                dataset=spec.name,
                modalities=tuple(spec.modalities),
                seed=0,
                model=self.settings.size,
                attention=Choice(name="scaled_dot_product"),
                fusion=Choice(name="concat"),
                architecture=Choice(name="independent"),
            )
            self._targets[spec.name] = self.counter.parameters(reference, spec)
        return self._targets[spec.name]

    def size(self, config: TrialConfig, spec: DataSpec) -> ModelSize:
        """The size at which this trial is matched.

        The width alone is scaled, in steps of `heads`, where that brings it within TOLERANCE of the target. Elsewhere
        the hidden units of the MLPs or those of the heads are scaled too, in hundredths of a width, at one of the two
        nearest widths: whichever changes least. Raises CannotMatchError.
        """
        nominal, target = self.settings.size, self.target(spec)

        def parameters(size: ModelSize) -> int:
            try:
                return self.counter.parameters(config.model_copy(update={"model": size}), spec)
            except (Exception, SystemExit) as error:  # a variant may raise anything
                raise CannotMatchError(f"it cannot be built at width {size.width}: {error}") from error

        def near(size: ModelSize) -> bool:
            return abs(parameters(size) / target - 1) <= TOLERANCE

        widths = around(
            target, lambda width: parameters(_at(nominal, width=width)), start=nominal.width, step=nominal.heads
        )
        sizes = [_at(nominal, width=width) for width in widths]
        best = min(sizes, key=lambda size: abs(parameters(size) - target))
        if near(best):
            return best
        tuned = {}
        for size, ratio in product(sizes, ("mlp_ratio", "head_ratio")):
            # The count is affine in hidden units: two sizes give the line.
            one, two = (parameters(_at(size, **{ratio: n / size.width})) for n in (1, 2))
            hidden = 1 + (target - one) / (two - one)
            before = getattr(nominal, ratio)
            changed = round(max(hidden, 1) / size.width, 2)
            if before / MOST <= changed <= before * MOST and near(_at(size, **{ratio: changed})):
                tuned[abs(math.log(changed / before))] = _at(size, **{ratio: changed})
        if not tuned:
            raise CannotMatchError(
                f"match_params: no size near width {best.width} ({parameters(best):,} parameters) has within "
                f"{TOLERANCE:.1%} of the {target:,} parameters of {NAME}"
            )
        return tuned[min(tuned)]


def _at(size: ModelSize, **changes: float) -> ModelSize:
    return size.model_copy(update=changes)
