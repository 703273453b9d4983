"""Raw data as a table of samples, whatever it came from: what manifests and public loaders make, and decoding takes.

Nothing in a table is decoded yet: a cell says where its content lies, so a table of a million images is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from mmbench.data.files.source import Source
from mmbench.schema.task import Task

Kind = Literal["image", "audio", "video", "text", "vector", "sequence", "table"]
KINDS: tuple[str, ...] = get_args(Kind)

Cell = Source | str | np.ndarray
"""A file (or a member of an archive), a text (of a table: its row, as `record` writes it), or numbers that are read
already. None in its place: missing."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One modality of all samples.

    cells: one a sample, None where this sample lacks the modality; any sequence, so that cells may be made on demand.
    options: of the decoder of this kind (`mmbench.data.decode.base`), such as the side of images. named: the columns of
    the manifest that it was read from, where they are not one of the modality's name; files: of texts, whether that
    column names files. path: how names of files were put together of those columns; optional: whether a sample may have
    none.
    """

    kind: Kind
    cells: Sequence[Cell | None]
    options: Mapping[str, Any] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    files: bool = False
    path: str = ""
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """N samples.

    places: of each sample, for messages: `manifest.csv row 17`. modalities: by name. task: what is predicted.
    labels: classification and binary (N,) int64, an index into task.targets; multilabel (N, L) int64 of 0 and 1;
    regression (N, K) float32. split: "train", "validation" or "test" of each sample where the data says so, "" where
    it leaves it open; None where no sample has one. group: samples of one group never part (a speaker, a subject).
    notes: what a reader of results should know, such as samples that were left out.
    """

    places: Sequence[str]
    modalities: Mapping[str, Column]
    task: Task
    labels: np.ndarray
    split: Sequence[str] | None = None
    group: Sequence[str] | None = None
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.places)
