"""What one trial leaves behind, on its way from the worker to the ledger. No torch here: the driver needs none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mmbench.schema.measured import Measured
from mmbench.schema.result import TrialResult

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class TrialFiles:
    """What one trial leaves behind, and what `Ledger.write` takes.

    Attributes:
        result: What training itself found.
        outputs, weights: The files that `result` names; None where it names none.
        measured: Metrics and probes; None where the trial did not end well.
        model: At its best epoch; None where the trial did not end well, or where it was trained elsewhere.
    """

    result: TrialResult
    outputs: bytes | None = None
    measured: Measured | None = None
    weights: bytes | None = None
    model: nn.Module | None = None

    @property
    def complete(self) -> TrialResult:
        """The result as readers see it."""
        return self.result if self.measured is None else self.result.complete(self.measured)

    def without_weights(self) -> TrialFiles:
        return replace(self, result=self.result.model_copy(update={"weights": None}), weights=None)

    def pack(self) -> dict[str, Any]:
        """As plain values, without the model."""
        return {
            "result": self.result.model_dump_json(),
            "outputs": self.outputs,
            "measured": None if self.measured is None else self.measured.model_dump_json(),
            "weights": self.weights,
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> TrialFiles:
        measured = packed["measured"]
        return cls(
            result=TrialResult.model_validate_json(packed["result"]),
            outputs=packed["outputs"],
            measured=None if measured is None else Measured.model_validate_json(measured),
            weights=packed["weights"],
        )
