"""What is predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from mmbench.errors import suggest
from mmbench.schema.strict_yaml import Frozen, Names

TaskKind = Literal["classification", "binary", "multilabel", "regression"]

MAIN: Mapping[TaskKind, str] = {
    "classification": "accuracy",
    "binary": "accuracy",
    "multilabel": "macro_f1",
    "regression": "mae",
}
"""The main metric where a data set names none."""


class Task(Frozen):
    """What is predicted.

    targets: names of the classes, of the labels, or of the numbers; of a binary task the second is the positive class.
    metric: the main one (`mmbench/metric`): it chooses the epoch and leads the report. affect: whether the metrics
    customary for sentiment are reported too.
    """

    kind: TaskKind
    targets: Annotated[Names, Field(min_length=1)]
    metric: str
    affect: bool = False

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Task:
        # The loss is trained on, and differs from data set to data set: it can be looked at, but does not lead.
        from mmbench.schema.metric import fitting

        known = [name for name in fitting(self.kind, affect=self.affect) if name != "loss"]
        if self.metric not in known:
            raise ValueError(f"metric {self.metric!r} is none of a {self.kind} task{suggest(self.metric, known)}")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("two targets have one name")
        if self.kind == "binary" and len(self.targets) != 2:
            raise ValueError(f"a binary task has two classes, not {len(self.targets)}")
        if self.affect and len(self.targets) != 1:
            raise ValueError("the affect metrics are for one target")
        return self


def task_of(kind: TaskKind, targets: Iterable[str], metric: str | None = None, *, affect: bool = False) -> Task:
    """A task with the main metric that is usual for its kind, unless another is named."""
    return Task(kind=kind, targets=tuple(targets), metric=metric or MAIN[kind], affect=affect)
