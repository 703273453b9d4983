"""A sentence about three boxes of shapes: is it true of the picture?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root, Source
from mmbench.data.public.loader import GitFolder, Loader, Origin
from mmbench.data.split.contents import normal
from mmbench.data.table.table import Column, Table
from mmbench.errors import UserError
from mmbench.registry import variant
from mmbench.schema.task import task_of

PERMUTATIONS = 6
FIELDS = ("sentence", "label", "identifier", "directory")


@variant("nlvr", source="Suhr et al. 2017, A Corpus of Natural Language for Visual Reasoning")
class Nlvr(Loader):
    """Binary: is a sentence that a person wrote true of a picture of three boxes (400 x 100)?

    The root holds `dev.json` (one JSON object a line) and `images/<directory>/dev-<identifier>-<permutation>.png`.
    part: `dev`, or another one that is laid out alike. permutations: of the six orders of the boxes that are drawn of
    every example, how many are used. Examples whose identifiers begin alike have one sentence; they, and those that
    share a sentence or a picture with them all the same, are one group. There is no official split of one part.
    """

    description: ClassVar[str] = "A sentence and a picture of three boxes with shapes: is the sentence true?"
    origin: ClassVar[Origin] = Origin(
        page="https://lil.nlp.cornell.edu/nlvr",
        revision="18924841",
        licence="CC BY 4.0",
        citation="Suhr, Lewis, Yeh and Artzi 2017, A Corpus of Natural Language for Visual Reasoning, ACL",
        downloads=(GitFolder(url="https://github.com/lil-lab/nlvr", commit="18924841", folder="nlvr/dev", path="."),),
        warning="NLVR2 (photographs, Suhr et al. 2019) is another data set. Results here are on grouped splits of the "
        "development part, not on the hidden test set.",
    )

    def __init__(self, *, part: str = "dev", permutations: int = PERMUTATIONS) -> None:
        if not 1 <= permutations <= PERMUTATIONS:
            raise UserError(f"permutations is {permutations}; it lies between 1 and {PERMUTATIONS}")
        self.part, self.permutations = part, permutations

    def table(self, root: Root) -> Table:
        examples = self._examples(root)
        places, sentences, labels, prefixes, pictures, problems = [], [], [], [], [], []
        for line, example in examples:
            for p in range(self.permutations):
                path = f"images/{example['directory']}/{self.part}-{example['identifier']}-{p}.png"
                try:
                    pictures.append(root.source(path))
                except CellError as error:
                    problems.append(Problem(where=f"{self.part}.json line {line}", what=str(error)))
                places.append(f"{self.part}.json line {line}, {path}")
                sentences.append(example["sentence"])
                labels.append(int(example["label"] == "true"))
                prefixes.append(example["identifier"].rsplit("-", 1)[0])
        if problems:
            raise DataError(problems)
        shared = (prefixes, (normal(s) for s in sentences), (_digest(picture) for picture in pictures))
        return Table(
            places=places,
            modalities={
                "image": Column(
                    kind="image",
                    cells=pictures,
                    options={
                        "width": 192,
                        "height": 48,
                        "patch": 16,
                    },
                ),
                "text": Column(kind="text", cells=sentences),
            },
            task=task_of("binary", ("false", "true")),
            labels=np.array(labels, dtype=np.int64),
            group=_joined(shared, len(places)),
        )

    def _examples(self, root: Root) -> list[tuple[int, dict[str, Any]]]:
        """(line, example), checked."""
        file = f"{self.part}.json"
        try:
            text = root.source(file).read().decode("utf-8")
        except CellError as error:
            raise DataError([Problem(where=file, what=f"{error}; it should lie in the root, beside images/")]) from None
        except UnicodeDecodeError as error:
            raise DataError([Problem(where=file, what=f"is not UTF-8: {error.reason} at byte {error.start}")]) from None
        examples, problems = [], []
        for line, row in enumerate(text.splitlines(), 1):
            if not row.strip():
                continue
            what = None
            try:
                example = json.loads(row)
                lacks = [k for k in FIELDS if not isinstance(example.get(k), str)]
                if lacks:
                    what = f"has no text {lacks[0]!r}"
                elif example["label"] not in ("true", "false"):
                    what = f"has the label {example['label']!r}; it is 'true' or 'false'"
                else:
                    examples.append((line, example))
            except (ValueError, AttributeError, RecursionError):
                what = "is not a JSON object"
            if what:
                problems.append(Problem(where=f"{file} line {line}", what=what))
        if problems or not examples:
            raise DataError(problems or [Problem(where=file, what="holds no example")])
        return examples


def _digest(picture: Source) -> str:
    try:
        return hashlib.sha256(picture.read()).hexdigest()
    except CellError:  # Decoding will tell of it.
        return picture.name


def _joined(shared: Iterable[Iterable[str]], samples: int) -> list[str]:
    """Groups of samples that are joined by sharing anything, directly or through others."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns, nodes = [], [], samples
    for values in shared:
        numbers: dict[str, int] = {}
        for i, value in enumerate(values):
            rows.append(i)
            columns.append(numbers.setdefault(value, nodes + len(numbers)))
        nodes += len(numbers)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(nodes, nodes))
    return [str(g) for g in connected_components(graph, directed=False)[1][:samples]]
