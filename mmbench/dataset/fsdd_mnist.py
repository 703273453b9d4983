"""A digit is spoken, and another hand has written the same one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from mmbench.data.files.idx import read_idx
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root, Source
from mmbench.data.public.loader import Download, GitFolder, Loader, Origin
from mmbench.data.table.table import Cell, Column, Table
from mmbench.errors import UserError, suggest
from mmbench.registry import variant
from mmbench.schema.task import task_of

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
OFFICIAL_TEST = 5
"""Recordings 0 to 4 of every speaker and digit are the official test set."""

_NAME = re.compile(r"(\d)_(\w+)_(\d+)\.wav")
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist"


@variant("fsdd_mnist", source="Jackson et al. 2018, Free Spoken Digit Dataset; LeCun et al. 1998, MNIST")
class FsddMnist(Loader):
    """Ten classes: a spoken digit (8 kHz, 0.14 to 2.3 s) and a written one (28 x 28) of the same class.

    speech, digits: folders below the root, of the WAV files `{digit}_{speaker}_{index}.wav` and of MNIST's IDX files
    (t10k, train or both; gzipped or not). Every recording is paired with `images_each` images of its class, drawn
    without replacement (`seed`), so that splits share no image. split: `speaker` (those of `validation` and `test` are
    in no other split; the rest train) or `official` (recordings 0 to 4 of every speaker are the test set).
    """

    description: ClassVar[str] = "A spoken digit and a written one of the same class; which digit is it?"
    origin: ClassVar[Origin] = Origin(
        page="https://github.com/Jakobovski/free-spoken-digit-dataset",
        revision="FSDD 26eb9aaf; MNIST, the files of 1998",
        licence="CC BY-SA 4.0 (FSDD); CC BY-SA 3.0 (MNIST)",
        citation="Jackson et al. 2018, Free Spoken Digit Dataset, doi:10.5281/zenodo.1342401; LeCun, Bottou, Bengio "
        "and Haffner 1998, Gradient-based learning applied to document recognition",
        downloads=(
            GitFolder(
                url="https://github.com/Jakobovski/free-spoken-digit-dataset",
                commit="26eb9aaf",
                folder="recordings",
                path="fsdd/recordings",
            ),
            Download(
                url=f"{_MIRROR}/t10k-images-idx3-ubyte.gz",
                checksum="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                path="mnist_t10k/t10k-images-idx3-ubyte.gz",
            ),
            Download(
                url=f"{_MIRROR}/t10k-labels-idx1-ubyte.gz",
                checksum="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                path="mnist_t10k/t10k-labels-idx1-ubyte.gz",
            ),
        ),
        warning="This pairing is made here; AV-MNIST (`avmnist`) is another data set of digits seen and heard.",
    )

    def __init__(
        self,
        *,
        speech: str = "fsdd/recordings",
        digits: str = "mnist_t10k",
        split: Literal["speaker", "official"] = "speaker",
        validation: Sequence[str] = ("nicolas",),
        test: Sequence[str] = ("theo", "yweweler"),
        images_each: int = 1,
        seed: int = 0,
    ) -> None:
        if images_each < 1:
            raise UserError(f"images_each is {images_each}; every recording needs one image at least")
        if both := set(validation) & set(test):
            raise UserError(f"speaker {min(both)!r} cannot be in validation and in test")
        self.speech, self.digits, self.split = speech, digits, split
        self.validation, self.test, self.images_each, self.seed = tuple(validation), tuple(test), images_each, seed

    def table(self, root: Root) -> Table:
        recordings = self._recordings(root)
        speakers = sorted({speaker for _, speaker, _, _ in recordings})
        if self.split == "speaker":
            self._check_speakers(speakers)
        images, classes = self._images(root)
        pools = {d: np.flatnonzero(classes == d) for d in range(10)}
        rng = np.random.default_rng(self.seed)
        taken = {d: iter(rng.permutation(pool)) for d, pool in pools.items()}
        short = [
            f"{need} images of {WORDS[d]} are needed, and there are {len(pools[d])}"
            for d in range(10)
            if (need := self.images_each * sum(r[0] == d for r in recordings)) > len(pools[d])
        ]
        if short:
            raise DataError([Problem(where=self.digits, what=f"{what}; add MNIST's train files") for what in short])
        rows = [r for r in recordings for _ in range(self.images_each)]
        pictures: list[Cell | None] = [images[next(taken[digit])] for digit, *_ in rows]
        return Table(
            places=[source.name for *_, source in rows],
            modalities={
                "image": Column(kind="image", cells=pictures, options={"side": 28, "patch": 7}),
                # Longer than 1 s are 0.7 % of the recordings; they are cut there.
                "audio": Column(kind="audio", cells=[source for *_, source in rows], options={"seconds": 1.0}),
            },
            task=task_of("classification", WORDS),
            labels=np.array([digit for digit, *_ in rows], dtype=np.int64),
            split=[self._split_of(speaker, index) for _, speaker, index, _ in rows],
            group=[speaker for _, speaker, _, _ in rows] if self.split == "speaker" else None,
        )

    def _recordings(self, root: Root) -> list[tuple[int, str, int, Source]]:
        """(digit, speaker, index, file), in the order of speakers, digits and numbers."""
        found, problems = [], []
        for path in root.glob(f"{self.speech}/*.wav"):
            name = _NAME.fullmatch(path.rsplit("/", 1)[-1])
            if name is None:
                problems.append(Problem(where=path, what="is not named {digit}_{speaker}_{index}.wav"))
                continue
            try:
                found.append((int(name[1]), name[2], int(name[3]), root.source(path)))
            except CellError as error:
                problems.append(Problem(where=path, what=str(error)))
        if not found and not problems:
            problems.append(
                Problem(where=self.speech, what="has no recordings; they are *.wav; option `speech` names the folder")
            )
        if problems:
            raise DataError(problems)
        return sorted(found, key=lambda r: (r[1], r[0], r[2]))

    def _check_speakers(self, speakers: list[str]) -> None:
        for option, names in (("validation", self.validation), ("test", self.test)):
            for name in names:
                if name not in speakers:
                    raise UserError(f"option {option!r}: no recording is of {name!r}{suggest(name, speakers)}")
        if not self.validation or not self.test or not set(speakers) - {*self.validation, *self.test}:
            raise UserError(f"each of train, validation and test needs a speaker; there are {', '.join(speakers)}")

    def _split_of(self, speaker: str, index: int) -> str:
        if self.split == "official":
            return "test" if index < OFFICIAL_TEST else "train"
        return "validation" if speaker in self.validation else "test" if speaker in self.test else "train"

    def _images(self, root: Root) -> tuple[np.ndarray, np.ndarray]:
        """(n, 28, 28) uint8 and their classes (n,), of every pair of IDX files in the folder."""
        images, labels = [], []
        files = [p for p in root.glob(f"{self.digits}/*idx3-ubyte*") if "-images" in p]
        if not files:
            what = "has no images; MNIST's are named t10k-images-idx3-ubyte.gz or train-images-idx3-ubyte.gz"
            raise DataError([Problem(where=self.digits, what=f"{what}; option `digits` names the folder")])
        for path in files:
            partner = path.replace("-images", "-labels").replace("idx3", "idx1")
            where = path
            try:
                x = read_idx(root.source(path))
                where = partner
                y = read_idx(root.source(partner))
            except CellError as error:
                raise DataError([Problem(where=where, what=str(error))]) from None
            if x.ndim != 3 or x.dtype != np.uint8 or y.shape != x.shape[:1] or not np.isin(y, range(10)).all():
                what = (
                    f"images {x.shape} {x.dtype} do not fit labels {y.shape} in {partner}; a label from 0 to 9 an image"
                )
                raise DataError([Problem(where=path, what=what)])
            images.append(x)
            labels.append(y)
        return np.concatenate(images), np.concatenate(labels)
