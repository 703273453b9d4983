"""AV-MNIST in MultiBench's folder: a written and a spoken digit, both made hard to read."""

from __future__ import annotations

from functools import partial

import numpy as np

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.public.loader import Loader, Origin
from mmbench.data.table.lazy_cells import Lazy, chain
from mmbench.data.table.table import Column, Table
from mmbench.registry import variant
from mmbench.schema.task import task_of

IMAGE, AUDIO = (28, 28), (112, 112)
TRAIN, VALIDATION = 60_000, 5_000
"""Samples of the file of training samples, and how many of them, the last ones, are for validation; in proportion where
there are fewer."""


@variant("av_mnist", source="Vielzeuf et al. 2018, CentralNet; files of Liang et al. 2021, MultiBench")
class AvMnist(Loader):
    """Ten digits: images with most of their energy removed, and spectrograms with noise, paired by class.

    The last 5,000 of the 60,000 training samples are for validation, as in MultiBench; of fewer the last twelfth.
    """

    description = "A written digit of which little is left and a spoken one in noise say the same number."
    origin = Origin(
        page="https://github.com/pliang279/MultiBench",
        revision="avmnist.tar.gz as linked by MultiBench's README at dd28712b38e922db112cd27c233ba8398cf42d9b",
        licence="none stated with the files; made of MNIST (CC BY-SA 3.0) and spoken digits of others",
        citation="Vielzeuf, V., Lechervy, A., Pateux, S., & Jurie, F. (2018). CentralNet: a multilayer approach for "
        "multimodal fusion. ECCV Workshops. Files: Liang, P. P. et al. (2021). MultiBench: multiscale benchmarks for "
        "multimodal representation learning. NeurIPS Datasets and Benchmarks.",
        by_hand="""Download avmnist.tar.gz from https://drive.google.com/file/d/1KvKynJJca5tDtI5Mmp6CoRh9pQywH8Xp/view
(linked at https://github.com/pliang279/MultiBench; no checksum is published) and unpack it so that these files lie in
the data set's folder:
- image/train_data.npy, image/test_data.npy
- audio/train_data.npy, audio/test_data.npy
- train_labels.npy, test_labels.npy""",
        warning="Several data sets share the name AV-MNIST or one like it: this one (28x28 images with 75 % of their "
        "energy removed, 112x112 spectrograms with noise; 60,000 and 10,000), one of 1,500 samples with speech of the "
        "Free Spoken Digit Dataset (Ma et al. 2021, SMIL), and `Written and spoken digits` (Zenodo 4452953) of whole "
        "images and MFCC. Their results do not compare.",
    )

    def table(self, root: Root) -> Table:
        problems: list[Problem] = []
        arrays = {name: _array(root, name, problems) for name in ("train", "test")}
        if problems:
            raise DataError(problems)
        counts = {name: len(found["labels"]) for name, found in arrays.items()}
        validation = max(1, round(counts["train"] * VALIDATION / TRAIN))
        split = ["train"] * (counts["train"] - validation) + ["validation"] * validation + ["test"] * counts["test"]
        images = chain([Lazy(counts[name], partial(_cell, found["image"], IMAGE)) for name, found in arrays.items()])
        sounds = chain([Lazy(counts[name], partial(_cell, found["audio"], AUDIO)) for name, found in arrays.items()])
        return Table(
            places=[f"{name} {i}" for name, count in counts.items() for i in range(count)],
            modalities={
                "image": Column(kind="image", cells=images, options={"side": 28, "patch": 4}),
                # A spectrogram as it is distributed: pixels, whose axes the files do not name.
                "audio": Column(kind="image", cells=sounds, options={"side": 112, "patch": 14}),
            },
            task=task_of("classification", [str(digit) for digit in range(10)]),
            labels=np.concatenate([found["labels"] for found in arrays.values()]).astype(np.int64),
            split=split,
        )


def _array(root: Root, name: str, problems: list[Problem]) -> dict[str, np.ndarray]:
    """image (N, 784), audio (N, 112, 112) and labels (N,) of one split, mapped; what is wrong goes to `problems`."""
    found: dict[str, np.ndarray] = {}
    shapes: dict[str, set[tuple[int, ...]]] = {"image": {(784,), IMAGE}, "audio": {AUDIO}, "labels": {(), (1,)}}
    files = {"image": f"image/{name}_data.npy", "audio": f"audio/{name}_data.npy", "labels": f"{name}_labels.npy"}
    for part, file in files.items():
        try:
            values = np.load(root.path(file), mmap_mode="r", allow_pickle=False)
        except (CellError, OSError, ValueError, EOFError) as error:
            problems.append(Problem(where=file, what=f"{error}; expected a .npy array of MultiBench's folder"))
            continue
        if values.ndim < 1 or values.shape[1:] not in shapes[part] or values.dtype.kind not in "fiub":
            wanted = " or ".join(f"(samples, {', '.join(map(str, s))})".replace(", )", ",)") for s in shapes[part])
            what = f"is {values.dtype} of shape {values.shape}; expected numbers of shape {wanted}"
            problems.append(Problem(where=file, what=what))
            continue
        found[part] = values
    if len({len(values) for values in found.values()}) > 1:
        counts = ", ".join(f"{len(values)} in {files[part]}" for part, values in found.items())
        problems.append(Problem(where=f"{name}", what=f"the numbers of samples differ: {counts}"))
    if "labels" in found:
        labels = found["labels"] = np.asarray(found["labels"]).reshape(len(found["labels"]))
        bad = np.flatnonzero(~np.isin(labels, range(10)))
        problems.extend(Problem(where=f"{files['labels']} row {i}", what=f"{labels[i]} is no digit") for i in bad)
        if len(labels) < 2:
            problems.append(Problem(where=files["labels"], what=f"has {len(labels)} samples; expected two or more"))
    return found


def _cell(values: np.ndarray, shape: tuple[int, int], index: int) -> np.ndarray:
    return np.nan_to_num(np.array(values[index])).reshape(shape)
