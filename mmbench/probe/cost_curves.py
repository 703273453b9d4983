"""How the cost of an attention grows with the number of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from mmbench.probe import AttentionProbe
from mmbench.registry import Option, Variant, variant
from mmbench.schema.cost_curves import LENGTHS
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    from mmbench.model.interfaces import Attention


def _per_length(label: str, unit: str, *, whole: bool = False) -> Quantity:
    levels = tuple(str(n) for n in LENGTHS)
    return Quantity(
        label=label, unit=unit, better="lower", per="level", levels=levels, low=0, whole=whole, machine=True
    )


@variant("cost_curves", source="torch.utils.benchmark, PyTorch profiler")
class CostCurves(AttentionProbe):
    """Time of a forward pass, time of a training pass (forward and backward) and peak memory, by number of tokens.

    Self-attention on real tokens. Times are medians, with their interquartile range. Memory is what a training pass
    needs at most at one time in addition to its inputs, as the allocator counts it.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "forward": _per_length("forward pass", "s"),
        "forward_iqr": _per_length("forward pass, interquartile range", "s"),
        "training": _per_length("training pass", "s"),
        "training_iqr": _per_length("training pass, interquartile range", "s"),
        "memory": _per_length("memory at most", "bytes", whole=True),
    }

    def __init__(
        self,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
        batch: int = 1,
        heads: int = 2,
        width: int = 64,
        seconds: float = 0.2,
    ) -> None:
        """width: of all heads together. seconds: for how long every time is measured, at least."""
        self.device, self.precision, self.batch = device, precision, batch
        self.heads, self.width, self.seconds = heads, width, seconds

    def in_brief(self) -> CostCurves:
        """The same with as few passes as possible, for a first look."""
        return CostCurves(
            device=self.device,
            precision=self.precision,
            batch=self.batch,
            heads=self.heads,
            width=self.width,
            seconds=0.0,
        )

    @classmethod
    def cannot(cls, attention: Variant) -> str | None:
        needed = [name for name, option in attention.options().items() if option.default is Option.empty]
        return f"it needs the option {needed[0]!r}, which has no default" if needed else None

    def measure(self, make: Callable[[], Attention], level: str) -> Mapping[str, float]:
        import torch

        from mmbench.model.attention_cost import Bench, Setting

        setting = Setting(
            device=torch.device(self.device),
            precision=self.precision,
            batch=self.batch,
            heads=self.heads,
            width=self.width,
            seconds=self.seconds,
        )
        bench = Bench(make, int(level), setting)
        bench.training()
        forward, forward_iqr = bench.timed("inference")
        training, training_iqr = bench.timed("training")
        return {
            "forward": forward,
            "forward_iqr": forward_iqr,
            "training": training,
            "training_iqr": training_iqr,
            "memory": bench.memory(),
        }
