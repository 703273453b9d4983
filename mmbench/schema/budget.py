"""How long the models of a data set are trained, and how that was found: data/budget/NAME.json. No torch here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import BeforeValidator, Field

from mmbench import atomic
from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Params, Training
from mmbench.schema.strict_yaml import Frozen, Positive, as_tuple

LEAST_STEPS = 128
"""Gradient steps below which models have not learnt enough to be ranked."""
MOST_STEPS = 16_384
"""Gradient steps up to which a search for a budget goes, unless one epoch is more."""
USUAL_STEPS = 1_600
"""Gradient steps that are enough on the data sets of a new project: what a plan reckons with before it is known."""


class Rung(Frozen):
    """One reference trained for so long, as far as its seeds ended well.

    Attributes:
        reference: What was trained, such as `mean + early_concat · shared`.
        steps: Gradient steps of each trial.
        score: The mean of the main metric on validation, at the best epochs; None where no trial ended well.
        loss: The mean of the lowest losses on validation.
        train_loss: The mean loss of the last epoch on the training split.
        in_last: The share of trials that were best in their last epoch.
    """

    reference: str
    epochs: Positive
    steps: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    seeds: Annotated[int, Field(ge=0)]
    score: float | None
    loss: float | None
    train_loss: float | None
    in_last: float | None


Rungs = Annotated[tuple[Rung, ...], BeforeValidator(as_tuple)]


class Budget(Frozen):
    """What was found for one data set.

    Attributes:
        key: Of the data and the settings that it was found for; with others it is found anew.
        settled: Whether training twice as long gave no reference a lower loss and a score better by more than half the
            margin.
        gain: The most that the score of any of them got better, so turned; of one whose loss did not fall, nothing.
            None where the length was not looked for, or no trial ended well.
        why: The finding in a sentence.
    """

    dataset: str
    key: str
    metric: str
    epochs: Positive
    steps: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    settled: bool
    gain: float | None
    why: str
    rungs: Rungs

    @property
    def length_found(self) -> bool:
        """Whether the length was looked for; else it is that of the settings."""
        return not self.settled or self.gain is not None

    def training(self, params: Params) -> Training:
        """The budget that its trials are given."""
        return params.train.resolved(epochs=self.epochs, learning_rate=self.learning_rate)


def key_of(params: Params, spec: DataSpec) -> str:
    """16 hex digits over the data, the sizes of models, the settings of training, and the margin that no more training
    may gain."""
    settings = (params.model.model_dump_json(), params.train.model_dump_json(), f"{params.report.rope:g}")
    parts = [spec.hash, spec.task.metric, *settings]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def file_of(folder: Path, dataset: str) -> Path:
    return folder / f"{dataset}.json"


def load_budget(folder: Path, params: Params, spec: DataSpec) -> Budget | None:
    """What was found for this data set under these settings; None where nothing was, or for others.

    Raises UserError where the file cannot be read; one that is broken counts as none.
    """
    try:
        budget = Budget.model_validate_json(file_of(folder, spec.name).read_bytes())
    except (FileNotFoundError, NotADirectoryError, pydantic.ValidationError):
        return None
    except OSError as error:
        raise UserError(f"{file_of(folder, spec.name)} cannot be read ({error.strerror or error})") from None
    return budget if budget.key == key_of(params, spec) else None


def save_budget(folder: Path, budget: Budget) -> None:
    """Raises UserError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write(file_of(folder, budget.dataset), budget.model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error})") from None
