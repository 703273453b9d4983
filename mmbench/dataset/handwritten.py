"""The UCI multiple features: six descriptions of one handwritten digit."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.public.loader import Download, Origin
from mmbench.data.table.table import Column, Table
from mmbench.dataset.multiview import Multiview
from mmbench.registry import variant

VIEWS = ("pixels", "fourier", "profiles", "zernike", "karhunen_loeve", "morphology")
"""Of 240, 76, 216, 47, 64 and 6 numbers: the files pix, fou, fac, zer, kar and mor of UCI."""


@variant("handwritten", source="Duin 1998, UCI Multiple Features; split of Han et al. 2021, TMC")
class Handwritten(Multiview):
    """Ten digits from six views, split as in the file: 1599 train (of 1600, one is a copy of a test sample), 400 test.

    Each digit has 160 training samples and 40 of test. TMC (Han et al. 2021) trains and tests on just these parts;
    validation is cut from train. One test sample is also a training sample. copies: `drop` leaves such training samples
    out, `keep` does not; copies within train are a group.
    """

    description: ClassVar[str] = "Six sets of features of one handwritten digit; which digit is it?"
    origin: ClassVar[Origin] = Origin(
        page="https://archive.ics.uci.edu/dataset/72/multiple+features",
        revision="github.com/hanmenghan/TMC @ 08d0ca4c",
        licence="CC BY 4.0",
        citation="Duin 1998, Multiple Features, UCI Machine Learning Repository, doi:10.24432/C5HC70; Han, Zhang, Fu "
        "and Zhou 2021, Trusted Multi-View Classification, ICLR",
        downloads=(
            Download(
                url="https://raw.githubusercontent.com/hanmenghan/TMC/5c066bdf36de6c8be66056237472cfda3a94700a/TMC/"
                "datasets/handwritten_6views.mat",
                checksum="d731ec02aaa97cf9a5826df68b0dd1e73ba61a82ba3c8f64606ba402926c885b",
                path="handwritten_6views.mat",
            ),
        ),
        warning="Other files of this name hold 1,400 or 2,000 samples with five or six views, or a random 80/20 split.",
    )

    def __init__(self, *, file: str = "handwritten_6views.mat", copies: Literal["drop", "keep"] = "drop") -> None:
        super().__init__(file=file)
        self.copies = copies

    def classes(self, values: np.ndarray) -> tuple[str, ...]:
        """Labels 1 to 10 are the digits 0 to 9."""
        return tuple(str(v - 1) for v in values.tolist())

    def _dropped(self, count: int) -> tuple[str, ...]:
        if not count:
            return ()
        what = (
            "sample is left out, since it is a copy of a test sample"
            if count == 1
            else ("samples are left out, since they are copies of test samples")
        )
        return (f"{count} training {what}",)

    def table(self, root: Root) -> Table:
        table = super().table(root)
        views = [column.cells for column in table.modalities.values()]
        if len(views) != len(VIEWS) or table.split is None:
            what = f"has {len(views)} views; {len(VIEWS)} with a split are needed; `multiview` reads other files"
            raise DataError([Problem(where=self.file, what=what)])
        content = [b"".join(np.asarray(cell).tobytes() for cell in cells) for cells in zip(*views, strict=True)]
        tested = {c for c, part in zip(content, table.split, strict=True) if part == "test"}
        kept = [
            i
            for i, part in enumerate(table.split)
            if part == "test" or self.copies == "keep" or content[i] not in tested
        ]
        numbers: dict[bytes, str] = {}
        return Table(
            places=[table.places[i] for i in kept],
            modalities={
                name: Column(kind="vector", cells=[cells[i] for i in kept])
                for name, cells in zip(VIEWS, views, strict=True)
            },
            task=table.task,
            labels=table.labels[kept],
            split=[table.split[i] for i in kept],
            notes=self._dropped(len(table) - len(kept)),
            group=[numbers.setdefault(content[i], str(len(numbers))) for i in kept],
        )
