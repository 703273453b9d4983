"""MM-IMDb: the genres of a film from its plot and its poster."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.public.loader import Loader, Origin
from mmbench.data.table.lazy_cells import Lazy
from mmbench.data.table.table import Column, Table
from mmbench.registry import variant
from mmbench.schema.task import task_of

FILE = "multimodal_imdb.hdf5"
LARGEST_CHUNK = 1 << 28
SHAPES = {"features": (300,), "vgg_features": (4096,), "images": (3, 256, 160), "genres": (23,)}
ROWS, TRAIN_END, DEV_END = 25_959, 15_552, 18_160
"""Rows, and where training and development end; in proportion where there are fewer rows."""


@variant("mm_imdb", source="Arevalo et al. 2017, gated multimodal units for information fusion")
class MmImdb(Loader):
    """23 genres, several a film: mean word vectors of the plot (300) and VGG features (4096) or pixels of the poster.

    images: features, or pixels.
    """

    description = "Which genres has a film, by its plot and its poster?"
    origin = Origin(
        page="https://github.com/johnarevalo/gmu-mmimdb",
        revision="multimodal_imdb.hdf5 of archive.org's item mmimdb",
        licence="none stated with the file; plots and posters are their makers'",
        citation="Arevalo, J., Solorio, T., Montes-y-Gomez, M., & Gonzalez, F. A. (2017). Gated multimodal units for "
        "information fusion. ICLR Workshop.",
        by_hand="""Download multimodal_imdb.hdf5 (some 10 GB) into the data set's folder:
  curl -L -C - -O https://archive.org/download/mmimdb/multimodal_imdb.hdf5
and compare its MD5 with the one that archive.org lists at https://archive.org/download/mmimdb/mmimdb_files.xml.""",
    )

    def __init__(self, *, images: Literal["features", "pixels"] = "features") -> None:
        self.key = "vgg_features" if images == "features" else "images"

    def table(self, root: Root) -> Table:
        import h5py

        try:
            path = root.path(FILE)
            with h5py.File(path, "r") as file:
                count = _checked(file, ("features", self.key, "genres"))
                genres = np.asarray(file["genres"])
                names = _names(file)
        except CellError as error:
            what = f"{error}; `mmbench data fetch mm_imdb` says where to get it"
            raise DataError([Problem(where=FILE, what=what)]) from None
        except (OSError, RuntimeError) as error:
            raise DataError([Problem(where=FILE, what=f"is no HDF5 file, or a broken one ({error})")]) from None
        if not np.isin(genres, (0, 1)).all():
            row = int(np.flatnonzero(~np.isin(genres, (0, 1)).all(axis=1))[0])
            raise DataError([Problem(where=f"{FILE} genres[{row}]", what="should be 0 and 1")])
        ends = [round(end * count / ROWS) for end in (TRAIN_END, DEV_END)]
        split = np.repeat(["train", "validation", "test"], np.diff([0, *ends, count]))
        rows = _Rows(path)
        image = Column(kind="vector", cells=Lazy(count, partial(rows.vector, "vgg_features")))
        if self.key == "images":
            image = Column(kind="image", cells=Lazy(count, rows.pixels))
        text = Column(kind="vector", cells=Lazy(count, partial(rows.vector, "features")))
        return Table(
            places=[f"{FILE} row {i}" for i in range(count)],
            modalities={"text": text, "image": image},
            task=task_of("multilabel", names),
            labels=genres.astype(np.int64),
            split=split.tolist(),
        )


class _Rows:
    """Rows of the file, which is opened in each process that reads them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "file": None}

    def _row(self, key: str, index: int) -> np.ndarray:
        if self.file is None:
            import h5py

            self.file = h5py.File(self.path, "r")
        return np.asarray(self.file[key][index])

    def vector(self, key: str, index: int) -> np.ndarray | None:
        """None where a plot has no word that has a vector: the mean of nothing is no number."""
        row = self._row(key, index).astype(np.float32)
        return row if np.isfinite(row).all() else None

    def pixels(self, index: int) -> np.ndarray:
        return self._row("images", index).transpose(1, 2, 0).clip(0, 255).astype(np.uint8)


def _checked(file: Any, keys: tuple[str, ...]) -> int:
    """The number of rows. Raises DataError where data sets are missing or of another shape."""
    import h5py

    problems, counts = [], {}
    for key in keys:
        # A link to another file is not followed.
        link = file.get(key, getlink=True)
        found = file[key] if isinstance(link, h5py.HardLink) else None
        if not isinstance(found, h5py.Dataset):
            problems.append(Problem(where=f"{FILE}, {key}", what=f"is missing; the file has {', '.join(sorted(file))}"))
        elif found.shape[1:] != SHAPES[key] or found.dtype.kind not in "fiub":
            what = f"is {found.dtype} of shape {found.shape}; expected numbers of shape (films, {str(SHAPES[key])[1:]}"
            problems.append(Problem(where=f"{FILE}, {key}", what=what.replace(",)", ")")))
        elif found.external or found.is_virtual:
            problems.append(Problem(where=f"{FILE}, {key}", what="has its numbers in another file, which is not read"))
        elif np.prod(found.chunks or (1,), dtype=float) * found.dtype.itemsize > LARGEST_CHUNK:
            problems.append(Problem(where=f"{FILE}, {key}", what="is stored in pieces too large for reading by rows"))
        else:
            counts[key] = len(found)
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{n} in {key}" for key, n in counts.items())
        problems.append(Problem(where=FILE, what=f"the numbers of films differ: {said}"))
    if not problems and not 10 <= counts["genres"] <= 10 * ROWS:
        problems.append(Problem(where=FILE, what=f"has {counts['genres']} films; expected 25,959"))
    if problems:
        raise DataError(problems)
    return counts["genres"]


def _names(file: Any) -> tuple[str, ...]:
    """The genres' names, where the file has them; else by number."""
    count = SHAPES["genres"][0]
    try:
        names = tuple(json.loads(file["genres"].attrs["target_names"]))
    except (KeyError, ValueError, TypeError):
        names = ()
    fitting = len(set(names)) == count and all(isinstance(name, str) and name for name in names)
    return names if fitting else tuple(f"genre {i}" for i in range(count))
