"""What a prepared data set is: its task, its modalities, and spec.json that says so.

No torch here: commands that only list data sets must be quick.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mmbench.errors import UserError
from mmbench.schema.strict_yaml import Fraction, Frozen, Names, Positive, as_tuple, parse
from mmbench.schema.task import Task


class Normal(Frozen):
    """Means and standard deviations along one axis of a sample, from the training split: (x - mean) / std."""

    axis: int
    mean: Annotated[tuple[float, ...], BeforeValidator(as_tuple)]
    std: Annotated[tuple[float, ...], BeforeValidator(as_tuple)]


class Modality(Frozen):
    """One modality of a prepared data set. `kind` names its stem, `options` that stem's options.

    shape: of one sample, as stored. evidence: whether the data set says which tokens carry the label. normal: what
    stored values are normalised by when a model reads them. missing: the share of samples that lack it.
    """

    kind: str
    shape: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)]
    options: dict[str, Any] = Field(default_factory=dict)
    evidence: bool = False
    normal: Normal | None = None
    missing: Fraction = 0.0


class DataSpec(Frozen):
    """spec.json of a prepared data set.

    splits: samples in each. chance: the main metric of the best constant guess on the test split, where it is known.
    ceiling: the best value of the main metric that the planted corruption allows, where known. scale: of a regression,
    by which the targets are normalised in training. hash: SHA-256 over the arrays and this description.
    """

    name: str
    description: str
    modalities: dict[str, Modality]
    task: Task
    splits: dict[str, Positive]
    chance: float | None
    ceiling: float | None
    ceiling_why: str = ""
    carriers: Names = ()
    scale: Normal | None = None
    licence: str
    source: str
    citation: str = ""
    notes: Names = ()
    hash: str


def load_spec(folder: Path) -> DataSpec:
    """Read spec.json. Raises UserError with the remedy where it is missing or broken."""
    file = folder / "spec.json"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"data set {folder.name!r} is not prepared: {file} is missing; run `dvc repro prepare@{folder.name}`"
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file} is not valid JSON ({error}); run `dvc repro -f prepare@{folder.name}`") from None
    spec: DataSpec = parse(DataSpec, raw, file)
    return spec
