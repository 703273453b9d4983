"""A question about a picture of one shape."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root, Source
from mmbench.data.public.loader import GitFolder, Loader, Origin
from mmbench.data.table.table import Column, Table
from mmbench.errors import UserError, suggest
from mmbench.registry import variant
from mmbench.schema.task import task_of

PARTS = ("train", "test")


@variant("easy_vqa", source="Zhou 2019, easy-VQA")
class EasyVqa(Loader):
    """Thirteen answers (yes, no, three shapes, eight colours) to questions about one drawn shape (64 x 64).

    The root holds `data/` with `answers.txt` and, for train and test, `questions.json` of [question, answer, image] and
    `images/<image>.png`. Train and test are official and have no image in common; validation is cut from train by
    image. limit: at most so many questions, drawn at random (`seed`), in the proportion of train and test.
    """

    description: ClassVar[str] = "A question about a drawn shape, with one of thirteen answers"
    origin: ClassVar[Origin] = Origin(
        page="https://github.com/vzhou842/easy-VQA",
        revision="3b553bb7",
        licence="MIT",
        citation="Victor Zhou 2019, easy-VQA",
        downloads=(
            GitFolder(url="https://github.com/vzhou842/easy-VQA", commit="3b553bb7", folder="data", path="data"),
        ),
    )

    def __init__(self, *, limit: int | None = None, seed: int = 0) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"limit is {limit}; it is a number of questions, or null for all")
        self.limit, self.seed = limit, seed

    def table(self, root: Root) -> Table:
        answers = sorted(set(_read(root, "data/answers.txt").split()))
        if len(answers) < 2:
            raise DataError([Problem(where="data/answers.txt", what="names no answers, one a line")])
        asked = {part: _questions(root, part, answers) for part in PARTS}
        pictures: dict[str, Source] = {}
        places, questions, labels, images, split, problems = [], [], [], [], [], []
        for part, i in self._chosen({part: len(rows) for part, rows in asked.items()}):
            question, answer, image = asked[part][i]
            where, path = f"data/{part}/questions.json entry {i}", f"data/{part}/images/{image}.png"
            if path not in pictures:
                try:
                    pictures[path] = root.source(path)
                except CellError as error:
                    problems.append(Problem(where=where, what=str(error)))
                    continue
            places.append(where)
            questions.append(question)
            labels.append(answers.index(answer))
            images.append(path)
            split.append(part)
        if problems:
            raise DataError(problems)
        return Table(
            places=places,
            modalities={
                "image": Column(kind="image", cells=[pictures[p] for p in images], options={"side": 64, "patch": 16}),
                "text": Column(kind="text", cells=questions),
            },
            task=task_of("classification", answers),
            labels=np.array(labels, dtype=np.int64),
            split=split,
            group=images,
        )

    def _chosen(self, sizes: dict[str, int]) -> list[tuple[str, int]]:
        """(part, index) of the questions that are used, in the order of the files."""
        every = [(part, i) for part in PARTS for i in range(sizes[part])]
        if self.limit is None or self.limit >= len(every):
            return every
        rng = np.random.default_rng(self.seed)
        of_test = round(self.limit * sizes["test"] / len(every))
        chosen = []
        for part, count in (("train", self.limit - of_test), ("test", of_test)):
            chosen += [(part, int(i)) for i in sorted(rng.permutation(sizes[part])[:count])]
        return chosen


def _read(root: Root, path: str) -> str:
    try:
        return root.source(path).read().decode("utf-8")
    except CellError as error:
        raise DataError([Problem(where=path, what=f"{error}; the root should hold easy-VQA's folder data/")]) from None
    except UnicodeDecodeError as error:
        raise DataError([Problem(where=path, what=f"is not UTF-8: {error.reason} at byte {error.start}")]) from None


def _questions(root: Root, part: str, answers: list[str]) -> list[tuple[str, str, int]]:
    file = f"data/{part}/questions.json"
    try:
        rows: Any = json.loads(_read(root, file))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise DataError([Problem(where=file, what=f"is not JSON: {error}")]) from None
    if not isinstance(rows, list) or not rows:
        raise DataError([Problem(where=file, what="is not a list of [question, answer, image]")])
    problems = []
    for i, row in enumerate(rows):
        fits = isinstance(row, list) and [type(x) for x in row] == [str, str, int]
        if not fits:
            problems.append(Problem(where=f"{file} entry {i}", what="is not [question, answer, image number]"))
        elif row[1] not in answers:
            problems.append(Problem(where=f"{file} entry {i}", what=f"answer {row[1]!r}{suggest(row[1], answers)}"))
    if problems:
        raise DataError(problems)
    return [(q, a, image) for q, a, image in rows]
