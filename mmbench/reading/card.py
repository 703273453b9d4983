"""`dataset.yaml`: what a person says of a data set. One lies in the folder of every data set, `data/raw/<name>`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, Field, JsonValue

from mmbench.config import Frozen, Level, Names, load_yaml, parse
from mmbench.metrics import TaskKind
from mmbench.reading.table import KINDS, Kind
from mmbench.registry import UserError

FILE = "dataset.yaml"


def _as_column(value: Any) -> Any:
    """`image` or `{image: {column: file, side: 64}}` -> the fields of a ColumnCard."""
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in KINDS:
        ((kind, options),) = value.items()
        options = dict(options or {})
        column = {k: options.pop(k) for k in ("column", "prefix") if k in options}
        return {"kind": kind, **column, "options": options}
    raise ValueError(f"expected a kind ({', '.join(KINDS)}) or `kind: {{option: value}}`")


class ColumnCard(Frozen):
    """One modality. column: of the manifest, where it is not named like the modality. prefix: of several columns of
    numbers that make one vector. options: of the decoder."""

    kind: Kind
    column: str | None = None
    prefix: str | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> ColumnCard:
        if self.prefix is not None and (self.kind != "vector" or self.column is not None):
            raise ValueError("`prefix` is for a vector, and stands in place of `column`")
        return self


class TargetCard(Frozen):
    """What is predicted. columns: of the manifest; of classification and binary one. positive: of a binary target, the
    value that counts as positive. A multilabel target is several columns of 0 and 1, or one with labels parted by
    `separator`."""

    kind: TaskKind
    columns: Annotated[Names, Field(min_length=1)]
    positive: str | int | float | bool | None = None
    separator: str = "|"
    affect: bool = False


def _as_target(value: Any) -> Any:
    """`{classification: label}` or `{regression: {columns: [x, y]}}` -> the fields of a TargetCard."""
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("expected one `kind: column`, such as `classification: label`")
    ((kind, rest),) = value.items()
    if isinstance(rest, dict):
        rest = dict(rest)
        if "column" in rest and "columns" not in rest:
            rest["columns"] = rest.pop("column")
    else:
        rest = {"columns": rest}
    if isinstance(rest.get("columns"), str):
        rest["columns"] = [rest["columns"]]
    return {"kind": kind, **rest}


class SplitCard(Frozen):
    """How samples are split where the data does not say: shares of validation and test, seed. Groups never part."""

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    seed: Annotated[int, Field(ge=0)] = 0


Leak = Literal["same content", "near duplicate", "same text", "same group"]


class Card(Frozen):
    """`dataset.yaml`. Exactly one of `dataset` (a variant: an embedded generator or a public data set, with its
    options) and `manifest` (a table of the person's own: .csv, .parquet or .jsonl beside the card).

    root: the folder that files are read from and never left; relative to the card. split, group, id: columns of the
    manifest; no two samples have one id. accept: kinds of leakage between splits that the person knows of and accepts.
    """

    description: str = ""
    dataset: Level | None = None
    manifest: str | None = None
    root: str = "."
    columns: dict[str, Annotated[ColumnCard, BeforeValidator(_as_column)]] = Field(default_factory=dict)
    target: Annotated[TargetCard, BeforeValidator(_as_target)] | None = None
    split: str | None = None
    group: str | None = None
    id: str | None = None
    splits: SplitCard = SplitCard()
    metric: str | None = None
    accept: Annotated[tuple[Leak, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = ()
    licence: str = ""
    source: str = ""
    citation: str = ""

    @pydantic.model_validator(mode="after")
    def _whole(self) -> Card:
        if (self.dataset is None) == (self.manifest is None):
            raise ValueError(
                "give exactly one of `manifest` (your own table) and `dataset` (a name of `mmbench list dataset`)"
            )
        if self.manifest is not None and (not self.columns or self.target is None):
            raise ValueError("a manifest needs `columns` and `target`; `mmbench data init` drafts them")
        if self.dataset is not None and (self.columns or self.target or self.split or self.group or self.id):
            raise ValueError("`columns`, `target`, `split`, `group`, `id` are for a manifest; a `dataset` has its own")
        for name in self.columns:
            # It becomes the name of a file.
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise ValueError(f"modality {name!r}: use letters, digits, _ and -; `column` names the column")
        return self


def load_card(folder: Path) -> Card:
    """The card of the data set in `folder`. Raises UserError naming the place and the remedy."""
    file = folder / FILE
    if not file.exists():
        raise UserError(f"{file} is missing; `mmbench data init {folder}` drafts it")
    card: Card = parse(Card, load_yaml(file, ("manifest", "columns", "target")), file)
    return card
