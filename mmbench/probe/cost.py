"""What a trained model costs when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split


@variant("cost", source="PyTorch FlopCounterMode, torch.utils.benchmark")
class Cost(Probe):
    """Trainable parameters; FLOPs of a forward pass for one sample; median time of a forward pass.

    FLOPs are 2 per multiply-add of a matrix product; elementwise work is not counted. Times are of batches of 128 of
    the validation split, per sample; a baseline's include making its features of the inputs. A baseline that is not
    made of weights (trees, support vectors) has neither parameters nor FLOPs that could be compared.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "parameters": Quantity(label="parameters", better="lower", low=0, whole=True),
        "flops": Quantity(label="floating-point operations per sample", better="lower", low=0, whole=True),
        "inference_us_per_sample": Quantity(
            label="inference per sample", unit="µs", better="lower", low=0, machine=True
        ),
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.model import cost
        from mmbench.model.baseline import BaselineModel

        validation = splits["validation"]
        parameters: int | None = None
        flops: int | None = None
        if isinstance(model, BaselineModel):
            if model.size is not None:
                weights, biases = model.size
                parameters, flops = weights + biases, 2 * weights
        else:
            parameters, flops = cost.parameters(model), cost.flops(model, validation)
        return {
            "parameters": parameters,
            "flops": flops,
            "inference_us_per_sample": cost.inference_seconds(model, validation) * 1e6,
        }
