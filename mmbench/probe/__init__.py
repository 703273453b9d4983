"""Measurements of a trained model, or of a mechanism, one file each. No torch here: reports look up what there is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mmbench.registry import Variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity, Value

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split
    from mmbench.model.interfaces import Attention


class ProbeError(ValueError):
    """A probe returned what it had not declared."""


class Measurement(ABC):
    """What every variant of the axis "probe" declares; its bases are `Probe` and `AttentionProbe`.

    A module with a probe imports what is slow to import inside `measure`, so that names and units are found quickly.

    Attributes:
        quantities: What it measures, by name. Of those that are measured on trials, a name belongs to one probe.
        on: What it is measured on: every "trial" after its training, or an "attention" by itself, when asked.
    """

    quantities: ClassVar[Mapping[str, Quantity]]
    on: ClassVar[Literal["trial", "attention"]]


class Probe(Measurement):
    """A measurement of a trained model.

    Attributes:
        default: Whether it is made where params.yaml does not name probes.
        baselines: Whether baselines have what it measures. They are fitted again for a probe that is added later.
    """

    on = "trial"
    default: ClassVar[bool] = True
    baselines: ClassVar[bool] = True

    @classmethod
    def cannot(cls, spec: DataSpec) -> str | None:
        """Why it cannot be measured on trials of a data set; None where it can."""
        return None

    @abstractmethod
    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        """Every declared quantity; None for one that such a model does not have.

        model: trained, at its best epoch: `model(inputs)` is (N, C) as in `mmbench.model.build`; of a baseline
        `mmbench.model.baseline`. Other probes use it afterwards, so leave its weights as they are. splits: train,
        validation and test, with the trial's modalities alone. seed: of the trial; the random state is seeded with it
        before. Whatever is raised becomes the probe's failure, not the trial's.
        """


class AttentionProbe(Measurement):
    """A measurement of an attention by itself, without data or training. Trials never wait for one.

    Its keyword-only constructor arguments are the conditions under which it measures. Its quantities are per "level".
    """

    on = "attention"

    @classmethod
    def cannot(cls, attention: Variant) -> str | None:
        """Why it cannot be measured on this attention; None where it can."""
        return None

    @abstractmethod
    def measure(self, make: Callable[[], Attention], level: str) -> Mapping[str, float]:
        """Every declared quantity at one level.

        make: gives a fresh mechanism. Raises whatever the mechanism raises, out-of-memory included.
        """


def check_values(
    quantities: Mapping[str, Quantity], values: Mapping[str, object], modalities: tuple[str, ...]
) -> dict[str, Value]:
    """The values as plain numbers, without those that are None. Raises ProbeError for a name that is missing or was not
    declared, for a number that is not finite or cannot be, and for a list of another length."""
    if surplus := sorted(values.keys() - quantities.keys()):
        raise ProbeError(f"returned {surplus[0]!r}, which is none of its quantities ({', '.join(quantities)})")
    if missing := [name for name in quantities if name not in values]:
        raise ProbeError(f"returned no {missing[0]!r}, which it declares")
    known = {name: quantity for name, quantity in quantities.items() if values[name] is not None}
    return {name: _plain(name, quantity, values[name], modalities) for name, quantity in known.items()}


def _plain(name: str, quantity: Quantity, value: object, modalities: tuple[str, ...]) -> Value:
    listed: Any = value.tolist() if hasattr(value, "tolist") else value
    numbers = list(listed) if isinstance(listed, list | tuple) else [listed]
    for x in numbers:
        if not isinstance(x, int | float) or isinstance(x, bool) or not math.isfinite(x):
            raise ProbeError(f"returned {name} = {value!r}; quantities are finite numbers")
    plain: Value = numbers if isinstance(listed, list | tuple) else numbers[0]
    if (why := quantity.misfit(plain)) is not None:
        raise ProbeError(f"{name} {why}")
    wanted = len(quantity.names(modalities))
    if isinstance(plain, list) and quantity.per != "item" and len(plain) != wanted:
        raise ProbeError(f"returned {len(plain)} numbers for {name}; there is one per {quantity.per}: {wanted}")
    return int(plain) if quantity.whole and not isinstance(plain, list) else plain
