"""Several views of one thing, as vectors of features in a MATLAB file."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from mmbench.data.files.mat import read_mat
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.public.loader import Loader, Origin
from mmbench.data.table.table import Column, Table
from mmbench.registry import variant
from mmbench.schema.task import task_of

Variables = dict[str, np.ndarray | list[np.ndarray]]

VIEWS = ("X", "x", "data", "fea", "views")
LABELS = ("Y", "y", "gt", "gnd", "truth", "label", "labels")
_SPLIT_VIEW = re.compile(r"x(\d+)_train")


@variant("multiview", source="the MATLAB layouts of multi-view learning; cf. Han et al. 2021, TMC")
class Multiview(Loader):
    """Classes from the views of any MATLAB file (`file`), in the two layouts that multi-view learning knows.

    Either `x1_train`, `x1_test`, ..., `gt_train`, `gt_test`, which say the split, or a cell array of views (`views`)
    and a vector of labels (`labels`), without one.

    Views are samples x features or features x samples, as the number of labels tells; labels are whole numbers of any
    range. views, labels: names of variables, where they are not the usual ones (X, data, fea, ...; Y, gt, truth, ...).
    """

    description: ClassVar[str] = "Several views of one thing, each a vector of features"
    origin: ClassVar[Origin] = Origin(
        page="https://github.com/hanmenghan/TMC",
        revision="none: a layout, not a data set",
        licence="that of your file",
        citation="that of your file",
        by_hand="Put the .mat file into the root, and name it in the option `file`.",
        warning="Many files are called by one name (Caltech101, Scene15, ...) and differ; say where yours is from.",
    )

    def __init__(self, *, file: str, views: str | None = None, labels: str | None = None) -> None:
        self.file, self.views, self.labels = file, views, labels

    def classes(self, values: np.ndarray) -> tuple[str, ...]:
        """The names of the classes with these (sorted) labels."""
        return tuple(str(v) for v in values.tolist())

    def table(self, root: Root) -> Table:
        try:
            variables = read_mat(root.source(self.file))
        except CellError as error:
            raise DataError([Problem(where=self.file, what=str(error))]) from None
        parts = self._parts(variables)
        views, labels, split, places = [], [], [], []
        for part, (of_part, given) in parts.items():
            y = self._whole(given, part)
            views.append(self._oriented(of_part, len(y), part))
            labels.append(y)
            split += [part] * len(y)
            places += [f"{self.file} {part or 'sample'} {i}" for i in range(1, len(y) + 1)]
        widths = [[view.shape[1] for view in of_part] for of_part in views]
        if any(w != widths[0] for w in widths):
            raise DataError(
                [Problem(where=self.file, what=f"views of {widths[0]} features in train, {widths[1]} in test")]
            )
        values = np.unique(np.concatenate(labels))
        if len(values) < 2:
            raise DataError(
                [Problem(where=self.file, what=f"all labels are {values.tolist()}; two classes are needed")]
            )
        return Table(
            places=places,
            modalities={
                f"view{v + 1}": Column(kind="vector", cells=list(np.concatenate(same)))
                for v, same in enumerate(zip(*views, strict=True))
            },
            task=task_of("classification", self.classes(values)),
            labels=np.searchsorted(values, np.concatenate(labels)).astype(np.int64),
            split=split if any(split) else None,
        )

    def _parts(self, variables: Variables) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
        """Views and labels by split; "" where the file has none."""
        numbers = sorted(int(found[1]) for name in variables if (found := _SPLIT_VIEW.fullmatch(name)))
        if numbers and self.views is None:
            return {
                part: (
                    [self._array(variables, f"x{n}_{part}") for n in numbers],
                    self._array(variables, f"gt_{part}"),
                )
                for part in ("train", "test")
            }
        name = self._find_variable(variables, "views", self.views, VIEWS)
        views = variables[name]
        y = self._array(variables, self._find_variable(variables, "labels", self.labels, LABELS))
        return {"": (views if isinstance(views, list) else [views], y)}

    def _find_variable(self, variables: Variables, option: str, name: str | None, usual: tuple[str, ...]) -> str:
        found = [n for n in ((name,) if name else usual) if n in variables]
        if not found:
            what = f"has no {option} named {name or ', '.join(usual)}; it holds {', '.join(variables) or 'no numbers'}"
            raise DataError([Problem(where=self.file, what=f"{what}; option {option!r} names the variable")])
        return found[0]

    def _array(self, variables: Variables, name: str) -> np.ndarray:
        value = variables.get(name)
        if not isinstance(value, np.ndarray):
            what = "is missing" if value is None else "is a cell array"
            raise DataError([Problem(where=self.file, what=f"{name} {what}; an array of numbers is needed")])
        return value

    def _whole(self, labels: np.ndarray, part: str) -> np.ndarray:
        """(n,) whole numbers."""
        if labels.size != max(labels.shape, default=0) or not np.array_equal(labels, np.round(labels)):
            what = f"labels {part} have the shape {labels.shape}; one whole number a sample is needed"
            raise DataError([Problem(where=self.file, what=" ".join(what.split()))])
        return labels.ravel().astype(np.int64)

    def _oriented(self, views: list[np.ndarray], samples: int, part: str) -> list[np.ndarray]:
        """Each (samples, features). Where both sides are as long as the labels, a view lies as the others do."""
        problems = [
            Problem(
                where=f"{self.file} view {v}{f' of {part}' if part else ''}",
                what=f"has the shape {view.shape}; one side must be the {samples} labels",
            )
            for v, view in enumerate(views, 1)
            if view.ndim != 2 or samples not in view.shape
        ]
        if problems:
            raise DataError(problems)
        clear = [view.shape[0] == samples for view in views if view.shape[0] != view.shape[1]]
        rows_first = 2 * sum(clear) >= len(clear)
        first = [view.shape[0] == samples if view.shape[0] != view.shape[1] else rows_first for view in views]
        return [view if rows else view.T for view, rows in zip(views, first, strict=True)]
