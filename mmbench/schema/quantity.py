"""What is measured of a trial in addition to its scores: each number's name, unit and direction. No torch here.

Training itself measures a few quantities; every probe (`mmbench/probe`) declares its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field

from mmbench.errors import UserError
from mmbench.registry import variants

Value = Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | list[float]
"""Of a quantity: one finite number, or a list of them."""


def subsets(modalities: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Every set of modalities that is not empty: small ones first, all of them last."""
    return tuple(names for size in range(1, len(modalities) + 1) for names in combinations(modalities, size))


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number that is measured, or one list of numbers.

    Attributes:
        label: For people.
        unit: For people; "" for a pure number.
        better: Which direction is better; None where neither is.
        per: "trial": one number. "modality": one for each modality of the trial, in its order, or for each modality and
            level. "subset", "pair": one for each set of modalities that is not empty (`subsets`), or for each two.
            "level": one for each of `levels`. "item": a list of any length, which no table shows.
        levels: Their names, where per is "level", and where a modality has several numbers.
        low: What it is never below; None: it has no bound.
        whole: Whether it is a whole number.
        machine: Whether it depends on the machine and the moment, as times do; then it is no finding about the model,
            and is compared between machines of one kind only.
    """

    label: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    per: Literal["trial", "modality", "subset", "pair", "level", "item"] = "trial"
    levels: tuple[str, ...] = ()
    low: float | None = None
    whole: bool = False
    machine: bool = False

    def __post_init__(self) -> None:
        if self.per != "modality" and (self.per == "level") != bool(self.levels):
            raise ValueError(f"quantity {self.label!r}: levels are named exactly where there is one number per level")

    @property
    def title(self) -> str:
        """`training (s)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float) -> str:
        """One of its numbers for people, with unit."""
        if self.unit == "bytes":
            return f"{value / 2**20:,.0f} MiB"
        number = f"{value:,.0f}" if self.whole else f"{value:,.4g}"
        return f"{number} {self.unit}".rstrip()

    def rows(self, value: Value, modalities: tuple[str, ...]) -> list[tuple[str, float]]:
        """Name and number: one pair, or one for each modality or level; "" names the only one. None of items."""
        if not isinstance(value, list):
            return [("", value)]
        if self.per == "item":
            return []
        names = self.names(modalities)
        return list(zip(names if len(names) == len(value) else map(str, range(len(value))), value, strict=True))

    def misfit(self, value: Value) -> str | None:
        """Why this cannot be its value; None where it can be."""
        if isinstance(value, list) != (self.per != "trial"):
            return f"is {value}, not {'one number' if self.per == 'trial' else f'one number per {self.per}'}"
        numbers = value if isinstance(value, list) else [value]
        if self.low is not None and any(x < self.low for x in numbers):
            return f"is {value}, which is below {self.low:g}"
        if self.whole and any(x != int(x) for x in numbers):
            return f"is {value}, which is no whole number"
        return None

    def names(self, modalities: tuple[str, ...]) -> tuple[str, ...]:
        """Of the numbers of a list, for a trial with these modalities; () where there is one number, or any."""
        if self.per == "modality" and self.levels:
            return tuple(f"{modality} {level}" for modality in modalities for level in self.levels)
        if self.per in ("subset", "pair"):
            sets = subsets(modalities)
            return tuple("+".join(names) for names in sets if self.per == "subset" or len(names) == 2)
        return {"modality": modalities, "level": self.levels}.get(self.per, ())


TRAINING: Mapping[str, Quantity] = {
    "train_seconds": Quantity(label="training", unit="s", better="lower", low=0, machine=True),
    "seconds_per_epoch": Quantity(label="training per epoch", unit="s", better="lower", low=0, machine=True),
    "peak_memory": Quantity(label="memory at most", unit="bytes", better="lower", low=0, whole=True, machine=True),
}
"""What training itself measures. Seconds of wall time; memory of the device, or of the process on a CPU."""

GROUP = "cost"
"""Of what training itself measures: the probe `cost` measures the rest of a trial's cost."""


@cache
def _find_quantities() -> Mapping[str, tuple[str, Quantity]]:
    """Group (training's, or the probe's name) and quantity, by the quantity's name.

    Raises UserError where two probes claim one name.
    """
    found = {name: (GROUP, quantity) for name, quantity in TRAINING.items()}
    origin = dict.fromkeys(TRAINING, "training itself")
    for probe, variant in variants("probe").items():
        if variant.cls.on != "trial":  # type: ignore[attr-defined]
            continue
        for name, quantity in variant.cls.quantities.items():  # type: ignore[attr-defined]
            if name in found:
                raise UserError(
                    f"quantity {name!r} of the probe {probe!r} ({variant.module}) is measured by {origin[name]} "
                    "already; rename it"
                )
            found[name], origin[name] = (probe, quantity), f"the probe {probe!r}"
    return found


class _Known(Mapping[str, Quantity]):
    """Looked up at first use: importing records must not import the probes."""

    def __getitem__(self, name: str) -> Quantity:
        return _find_quantities()[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(_find_quantities())

    def __len__(self) -> int:
        return len(_find_quantities())


QUANTITIES: Mapping[str, Quantity] = _Known()
"""Every quantity that is measured of trials here, by name: training's own first, then probe by probe."""


def describe(name: str, value: Value) -> Quantity:
    """What is known of a quantity, also of one whose probe is not installed here."""
    if name in QUANTITIES:
        return QUANTITIES[name]
    levels = tuple(str(i) for i in range(len(value))) if isinstance(value, list) else ()
    return Quantity(label=name, per="level" if levels else "trial", levels=levels)


def group_of(name: str) -> str:
    """What measures a quantity, for headings: the probe's name; of an unknown one "other"."""
    return _find_quantities()[name][0] if name in _find_quantities() else "other"
