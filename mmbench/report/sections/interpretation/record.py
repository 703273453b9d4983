"""What is known of relevance on one data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.report.scores.measured import Compared
from mmbench.schema.dataset import Modality
from mmbench.schema.relevance_map import SampleMap
from mmbench.stats.estimates import Difference, Estimate


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A number by which methods of relevance are judged.

    quantity: its name is this and the method's. part: of its list; None where it is one number. higher: whether more is
    better; None where neither is.
    """

    name: str
    label: str
    quantity: str
    part: int | None
    higher: bool | None

    @property
    def title(self) -> str:
        return self.label + {True: " ↑", False: " ↓", None: ""}[self.higher]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The relevance of tokens of fixed samples to one combination. why: it is shown."""

    method: str
    why: str
    samples: tuple[SampleMap, ...]


@dataclass(frozen=True, kw_only=True)
class Interpretation:
    """One data set.

    Attributes:
        judges: Those that any trial has.
        judged: By method of relevance and judge's name: the mean over trials, whose interval is over seeds. All of the
            same trials: of attention mechanisms that have weights, or of all combinations where none has.
        trials: Their number.
        attends: Whether these have attention weights.
        differences: Judge, and attention weights against another method of relevance on the same trials.
        agreement: Rank correlation of attention weights with the size of integrated gradients, on the same trials.
        compared: Numbers by level and by combination.
        undefined: Attention mechanisms that have no weights to look at.
        modalities: In the order of pictures, by name.
        pictures: Of a few combinations.
        cautions: What is to be kept in mind first.
    """

    dataset: str
    judges: tuple[Judge, ...]
    judged: Mapping[str, Mapping[str, Estimate]]
    trials: int
    attends: bool
    differences: tuple[tuple[Judge, Difference], ...]
    agreement: Estimate | None
    compared: tuple[Compared, ...]
    undefined: tuple[str, ...]
    modalities: Mapping[str, Modality]
    pictures: tuple[Picture, ...]
    cautions: tuple[str, ...] = ()

    def against(self, judge: str, method: str) -> Difference | None:
        """Attention weights against a method, by this judge."""
        return next((d for j, d in self.differences if j.name == judge and d.reference == method), None)
