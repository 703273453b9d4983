"""What of a model's outputs is explained: how sure it is of its own answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmbench.schema.task import Task


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model says of n samples. outputs: (n, C) as the model gives them, of numbers in normalised units."""

    task: Task
    outputs: Tensor

    def repeated(self, times: int) -> Answer:
        """The same of each sample `times` times: those of the first sample first."""
        return Answer(task=self.task, outputs=self.outputs.repeat_interleave(times, 0))

    def sureness(self, outputs: Tensor) -> Tensor:
        """(n,) of any outputs (n, C) for these answers: of classes the log-odds of the one that was answered; of labels
        the mean of theirs; of numbers their mean distance from the training mean, to the side that was answered."""
        if self.task.kind in ("classification", "binary"):
            chosen = self.outputs.argmax(1, keepdim=True)
            others = outputs.scatter(1, chosen, -torch.inf)
            return outputs.gather(1, chosen)[:, 0] - others.logsumexp(1)
        side = torch.where(self.outputs < 0, -1.0, 1.0)
        return (side * outputs).mean(1)

    def kept(self, outputs: Tensor) -> Tensor:
        """(n,) how much of the answer is left: the probability of what was answered, of labels the mean of theirs; of
        numbers 1 less the mean distance from what was said, in standard deviations of the labels."""
        if self.task.kind in ("classification", "binary"):
            return torch.softmax(outputs, 1).gather(1, self.outputs.argmax(1, keepdim=True))[:, 0]
        if self.task.kind == "multilabel":
            return torch.sigmoid(torch.where(self.outputs < 0, -outputs, outputs)).mean(1)
        return 1 - (outputs - self.outputs).abs().mean(1)

    def right(self, labels: Tensor) -> Tensor | None:
        """(n,) bool, whether every class or label is as it should be; None of numbers."""
        if self.task.kind == "regression":
            return None
        if self.task.kind == "multilabel":
            return ((self.outputs >= 0) == (labels > 0)).all(1)
        return self.outputs.argmax(1) == labels
