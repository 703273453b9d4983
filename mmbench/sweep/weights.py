"""Kept weights, within a budget: they are not needed, they save a training when a probe is added."""

from __future__ import annotations

from contextlib import suppress

from mmbench.ledger.store import Ledger
from mmbench.sweep.files import TrialFiles

SUFFIX = ".weights.safetensors"


class WeightStore:
    """The folder of weights beside a ledger. most: bytes that it may hold."""

    def __init__(self, ledger: Ledger, most: int) -> None:
        self.ledger, self.most = ledger, most
        self.held = {file: file.stat().st_size for file in ledger.weights.glob(f"*{SUFFIX}")}
        self.total = sum(self.held.values())

    def fit(self, files: TrialFiles) -> TrialFiles:
        """The files as they are to be kept: without weights where there is no room for them.

        Weights of trials that the ledger no longer holds go first. A trial never loses the weights that its JSON names.
        """
        if files.weights is None:
            return files
        target = self.ledger.weights_file(files.result.trial_id)
        grows = len(files.weights) - self.held.get(target, 0)
        if self.total + grows > self.most:
            self._drop_orphans()
        if self.total + grows > self.most:
            return files.without_weights()
        self.held[target] = len(files.weights)
        self.total += grows
        return files

    def _drop_orphans(self) -> None:
        for file in list(self.held):
            if not self.ledger.json_file(file.name.removesuffix(SUFFIX)).exists():
                with suppress(OSError):
                    file.unlink(missing_ok=True)
                    self.total -= self.held.pop(file)

    def read(self, trial_id: str) -> bytes | None:
        """The weights of a finished trial; None where they are not kept or are others than its JSON names."""
        result = self.ledger.read([trial_id]).get(trial_id)
        return None if result is None else self.ledger.weights_of(result)
