"""What the answer states about each data set."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmbench.report.scores.context import Context


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One generated sentence that answers a standing question. holds: yes, no, or None where it cannot be said yet.

    name: "ceiling" (best cell reaches 95 % of the ceiling), "singles_at_chance" (every single modality's interval
    contains chance; of other metrics than accuracy: none beats a guess), "carrier_on_top" (the best cell is not better
    than a carrying modality alone).
    """

    name: str
    holds: bool | None
    text: str

    @property
    def is_fact(self) -> bool:
        """Neither way is better: data whose single modalities say something are as good as others."""
        return self.name == "singles_at_chance"


@dataclass(frozen=True, kw_only=True)
class DatasetAnswer:
    """Of one data set. sentences: in plain words, the first alone says what to use; statements: a part of them."""

    sentences: tuple[str, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """datasets: in the order of the context's."""

    context: Context = field(repr=False, compare=False)
    datasets: tuple[DatasetAnswer, ...]
