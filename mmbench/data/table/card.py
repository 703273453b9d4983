"""`dataset.yaml`: what a person says of a data set. One lies in the folder of every data set, `data/raw/<name>`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from mmbench.data.table import path_pattern
from mmbench.data.table.findings import quote
from mmbench.data.table.path_pattern import Pattern
from mmbench.data.table.table import KINDS, Kind
from mmbench.schema.params import Level
from mmbench.schema.strict_yaml import Frozen, load_yaml, parse
from mmbench.schema.task import TaskKind

FILE = "dataset.yaml"
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How people write the splits -> how mmbench does."""


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _as_column(value: Any) -> Any:
    """`image` or `{image: {column: file, side: 64}}` -> the fields of a ColumnCard."""
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in KINDS:
        ((kind, options),) = value.items()
        if not isinstance(options, dict | None):
            raise ValueError(f"the options of {kind} are a mapping, such as `{{{kind}: {{column: name}}}}`")
        options = dict(options or {})
        column = {k: options.pop(k) for k in ("column", "prefix", "columns", "path", "optional") if k in options}
        if kind == "text" and column.get("path") is not None and options.setdefault("files", True) is not True:
            raise ValueError("`path` names files; leave out `files`")
        return {"kind": kind, **column, "options": options}
    raise ValueError(f"expected a kind ({', '.join(KINDS)}) or `kind: {{option: value}}`")


Column = Annotated[str, Field(min_length=1), AfterValidator(lambda name: unicodedata.normalize("NFC", name))]
"""Of the manifest. Composed, as the names of columns are when a table is read."""
FileName = Annotated[str, Field(min_length=1)]
FILLED = "\0"
"""Before a modality's name: the column of the paths that were put together for it. No table has one of such a name."""


class ColumnCard(Frozen):
    """One modality. column: of the manifest, where it is not named like the modality. prefix: of several columns of
    numbers that make one vector. columns: those of a table. path: the name of a row's file, with columns in braces.
    optional: whether a sample may have no such file. options: of the decoder."""

    kind: Kind
    column: Column | None = None
    prefix: Column | None = None
    columns: Annotated[tuple[Column, ...], BeforeValidator(_as_tuple)] = ()
    path: str | None = None
    optional: bool = False
    options: dict[str, JsonValue] = Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> ColumnCard:
        if self.prefix is not None and (self.kind != "vector" or self.column is not None):
            raise ValueError("`prefix` is for a vector, and replaces `column`")
        if (self.kind == "table") != bool(self.columns) or (self.columns and self.column is not None):
            raise ValueError(
                "a table names its `columns`, such as `{table: {columns: [age, sex]}}`; no other kind does"
            )
        if twice := [name for name, count in Counter(self.columns).items() if count > 1]:
            raise ValueError(f"the column {quote(twice[0])!r} is named twice")
        if self.path is not None:
            self._check_path()
        elif self.optional:
            raise ValueError("`optional` is for a `path`; elsewhere an empty field says that a sample lacks it")
        return self

    def _check_path(self) -> None:
        others = [name for name in ("column", "prefix", "columns") if getattr(self, name)]
        if others:
            raise ValueError(
                f"give `{others[0]}` or `path`, not both: `column` names the column that holds whole paths, `path` "
                f"puts them together from columns, as in {path_pattern.SHOWN}"
            )
        assert self.pattern is not None

    @property
    def pattern(self) -> Pattern | None:
        """The path's. Raises ValueError where it cannot be meant."""
        return None if self.path is None else path_pattern.parse(self.path)

    def named(self, modality: str) -> tuple[str, ...]:
        """The columns of the manifest that it names, whatever a prefix finds."""
        if self.pattern is not None:
            return self.pattern.columns
        return self.columns or (() if self.prefix is not None else (self.column or modality,))


class TargetCard(Frozen):
    """What is predicted. columns: of the manifest; of classification and binary one. positive: of a binary target, the
    value that counts as positive. A multilabel target is several columns of 0 and 1, or one with labels parted by
    `separator`."""

    kind: TaskKind
    columns: Annotated[tuple[Column, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    positive: str | int | float | bool | None = None
    separator: Annotated[str, Field(min_length=1)] = "|"
    affect: bool = False

    @pydantic.model_validator(mode="after")
    def _used(self) -> TargetCard:
        if self.positive is not None and self.kind != "binary":
            raise ValueError(f"`positive` is for a binary target, not for {self.kind}; leave it out")
        if "separator" in self.model_fields_set and (self.kind != "multilabel" or len(self.columns) > 1):
            raise ValueError("`separator` is for a multilabel target in one column; leave it out")
        twice = [name for name, count in Counter(self.columns).items() if count > 1]
        if twice:
            raise ValueError(f"the column {quote(twice[0])!r} is named twice")
        return self


def _as_target(value: Any) -> Any:
    """`{classification: label}` or `{regression: {columns: [x, y]}}` -> the fields of a TargetCard."""
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("expected one `kind: column`, such as `classification: label`")
    ((kind, rest),) = value.items()
    if isinstance(rest, dict):
        rest = dict(rest)
        if "kind" in rest:
            raise ValueError(f"the kind is {kind!r} already; leave out `kind`")
        if "column" in rest and "columns" not in rest:
            rest["columns"] = rest.pop("column")
    else:
        rest = {"columns": rest}
    if isinstance(rest.get("columns"), str):
        rest["columns"] = [rest["columns"]]
    return {"kind": kind, **rest}


class Part(Frozen):
    """One of the tables that make a manifest. split: of all its rows; "" where it does not say."""

    file: FileName
    split: Literal["", "train", "validation", "test"] = ""


def _as_manifest(value: Any) -> Any:
    """`train.csv`, `[a.csv, b.csv]` or `{train: train.csv, test: [a.csv, b.csv]}` -> a name, or Parts."""
    if isinstance(value, list):
        return _parts("", value)
    if not isinstance(value, dict):
        return value
    unknown = [name for name in value if SPLIT_NAMES.get(str(name).lower()) is None]
    if unknown:
        raise ValueError(
            f"{quote(unknown[0])!r} is no split; write `{{train: train.csv, validation: dev.csv, test: test.csv}}`"
        )
    return tuple(part for name, files in value.items() for part in _parts(SPLIT_NAMES[str(name).lower()], files))


def _parts(split: str, files: Any) -> tuple[Any, ...]:
    return tuple({"file": file, "split": split} for file in (files if isinstance(files, list) else [files]))


Manifest = Annotated[FileName | Annotated[tuple[Part, ...], Field(min_length=1)], BeforeValidator(_as_manifest)]


class SplitCard(Frozen):
    """How samples are split where the data does not say: shares of validation and test, seed. Groups never part."""

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    test: Annotated[float, Field(gt=0, lt=1)] = 0.15
    seed: Annotated[int, Field(ge=0)] = 0


CSV = re.compile(r"\.(csv|tsv)(\.gz)?$", re.IGNORECASE)
MANY = 5
"""Tables up to which all are named in words."""

Leak = Literal["same content", "near duplicate", "same text", "same group"]


class Card(Frozen):
    """`dataset.yaml`. Exactly one of `dataset` (a variant: an embedded generator or a public data set, with its
    options) and `manifest` (a table of the person's own: .csv, .parquet, .jsonl or .json beside the card; or several, a
    list or by split). header: whether the first line of a .csv is one; None where that is beyond doubt.

    columns: by modality; the same column of the manifest is never a modality and something else.
    root: the folder that files are read from and never left; relative to the card. split, group, id: columns of the
    manifest; no two samples have one id. accept: kinds of leakage between splits that the person knows of and accepts.
    """

    description: str = ""
    dataset: Level | None = None
    manifest: Manifest | None = None
    header: bool | None = None
    root: str = "."
    columns: dict[str, Annotated[ColumnCard, BeforeValidator(_as_column)]] = Field(default_factory=dict)
    target: Annotated[TargetCard, BeforeValidator(_as_target)] | None = None
    split: Column | None = None
    group: Column | None = None
    id: Column | None = None
    splits: SplitCard = SplitCard()
    metric: str | None = None
    accept: Annotated[tuple[Leak, ...], BeforeValidator(_as_tuple)] = ()
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
        files = [part.file for part in self.parts]
        if twice := [file for file, count in Counter(files).items() if count > 1]:
            raise ValueError(f"`manifest` names {quote(twice[0])!r} twice")
        if self.split is not None and any(part.split for part in self.parts):
            raise ValueError("`manifest` names the split of each table already; leave out `split`")
        if self.header is not None and not any(CSV.search(file) for file in files):
            raise ValueError("`header` is for a .csv or .tsv; leave it out")
        if self.dataset is not None and (self.columns or self.target or self.split or self.group or self.id):
            raise ValueError("`columns`, `target`, `split`, `group`, `id` are for a manifest; a `dataset` has its own")
        for name in self.columns:
            # It becomes the name of a file, beside those that add a dot and more to it.
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
                raise ValueError(
                    f"modality {quote(name)!r}: use at most 64 letters, digits, _ and -; `column` names the column"
                )
            if name.lower() == "label":
                raise ValueError(
                    f"modality {name!r}: the target is kept under this name; name the modality otherwise, with "
                    f"`column: {name}`"
                )
        for column, uses in self._uses().items():
            if len(uses) > 1:
                raise ValueError(
                    f"column {quote(column)!r} is named for {' and '.join(uses)}; it can be only one of them"
                )
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        """The tables of the manifest; none of a `dataset`."""
        if isinstance(self.manifest, tuple):
            return self.manifest
        return () if self.manifest is None else (Part(file=self.manifest),)

    @property
    def tables(self) -> str:
        """The tables of the manifest, in words."""
        names = [part.file for part in self.parts]
        return ", ".join(names[:MANY]) + (f", … ({len(names)} tables)" if len(names) > MANY else "")

    def _uses(self) -> dict[str, list[str]]:
        """What each column of the manifest is named for, where it must not be two: modalities may share one."""
        target = self.target
        others = {name: [f"`target: {target.kind}`"] for name in target.columns} if target is not None else {}
        for key, column in (("split", self.split), ("group", self.group), ("id", self.id)):
            # A sample's identifier may well be its group.
            if column is not None and not (key == "id" and column == self.group):
                others.setdefault(column, []).append(f"`{key}`")
        for name, card in self.columns.items():
            # What names a file may also say whose it is, or its split.
            for column in card.named(name) if card.path is None else ():
                if column in others:
                    others[column].append(f"the modality {name!r}")
        return others


def load_card(folder: Path) -> Card:
    """The card of the data set in `folder`. Raises UserError naming the place and the remedy."""
    file = folder / FILE
    raw = load_yaml(file, ("manifest", "columns", "target"), f"`mmbench data init {folder}` drafts it")
    card: Card = parse(Card, raw, file)
    return card
