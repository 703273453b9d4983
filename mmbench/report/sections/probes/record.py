"""What one probe measured on one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.schema.quantity import Quantity
from mmbench.stats.estimates import Estimate


@dataclass(frozen=True, kw_only=True)
class Number:
    """One column: a quantity, or one number of a quantity that is a list.

    Attributes:
        name: of the quantity.
        part: modality or level; "" where the quantity is one number.
        quantity: its label, unit and direction.
        values: mean and interval over seeds, by method; methods without a value are absent.
    """

    name: str
    part: str
    quantity: Quantity
    values: Mapping[str, Estimate]

    @property
    def title(self) -> str:
        """`answers kept, image ↑`"""
        arrow = {"higher": " ↑", "lower": " ↓", None: ""}[self.quantity.better]
        return self.quantity.title + (f", {self.part}" if self.part else "") + arrow


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One table and one figure.

    Attributes:
        probe: what measured.
        dataset: on which data set.
        methods: those with any value, in the order of their rank.
        roles: of the methods, by key.
        numbers: the columns.
        seeds_words: what means and intervals are over.
    """

    probe: str
    dataset: str
    methods: tuple[str, ...]
    roles: Mapping[str, str]
    numbers: tuple[Number, ...]
    seeds_words: str

    @property
    def name(self) -> str:
        """Of the files."""
        return f"probe_{self.probe}_{self.dataset}"
