"""easy-VQA as it is distributed: questions.json, numbered pictures, answers.txt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.split.leakage import check
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.dataset.easy_vqa import EasyVqa
from mmbench.errors import UserError
from tests.support.shared_data import SHARED, needs

COLOURS = ("red", "green", "blue")


def write(root: Path, train: int = 60, test: int = 20) -> None:
    """Five questions a picture."""
    data = root / "data"
    for part, count in (("train", train), ("test", test)):
        (data / part / "images").mkdir(parents=True)
        questions = []
        for i in range(count):
            rng = np.random.default_rng(i + (1000 if part == "test" else 0))
            x, y, size = rng.integers((0, 0, 14), (34, 34, 30))
            colour, image = COLOURS[i % 3], Image.new("RGB", (64, 64), tuple(rng.integers(200, 256, 3).tolist()))
            ImageDraw.Draw(image).rectangle((x, y, x + size, y + size - i % 7), fill=colour)
            image.save(data / part / f"images/{i}.png")
            questions.append(["what color is the shape?", colour, i])
            questions += [[f"is there a {c} shape?", "yes" if c == colour else "no", i] for c in COLOURS]
            questions.append(["what shape is in the image?", "rectangle", i])
        (data / part / "questions.json").write_text(json.dumps(questions), encoding="utf-8")
    (data / "answers.txt").write_text("\n".join((*COLOURS, "yes", "no", "rectangle")) + "\n", encoding="utf-8")


def test_official_parts_and_validation_by_image(tmp_path: Path) -> None:
    write(tmp_path)
    table = EasyVqa().table(Root(tmp_path))
    assert len(table) == 400 and table.task.targets == ("blue", "green", "no", "rectangle", "red", "yes")
    assert table.places[300] == "data/test/questions.json entry 0"
    assert [table.task.targets[c] for c in table.labels[:5]] == ["red", "yes", "no", "no", "rectangle"]
    split = assign(table, SplitCard())
    assert set(split[:300].tolist()) == {"train", "validation"} and set(split[300:].tolist()) == {"test"}
    # Questions repeat by their template everywhere; pictures are in one split each.
    assert check(table, split) == []


def test_a_split_of_questions_instead_of_images_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    table = EasyVqa().table(Root(tmp_path))
    split = np.random.default_rng(0).choice(SPLITS, len(table))
    with pytest.raises(DataError, match=r"same content \(image\).*same group"):
        check(table, split)


def test_limit_is_a_seeded_share_of_both_parts(tmp_path: Path) -> None:
    write(tmp_path)
    root = Root(tmp_path)
    one, same, other = (EasyVqa(limit=80, seed=s).table(root) for s in (0, 0, 1))
    assert one.split is not None and (one.split.count("train"), one.split.count("test")) == (60, 20)
    assert list(one.places) == list(same.places) != list(other.places)
    assert len(EasyVqa(limit=10_000).table(root)) == 400
    with pytest.raises(UserError, match="limit is 0"):
        EasyVqa(limit=0)


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ("[", "train/questions.json: is not JSON"),
        ("{}", r"train/questions.json: is not a list of \[question, answer, image\]"),
        ('[["q", "yes"]]', r"entry 0: is not \[question, answer, image number\]"),
        ('[["q", "yes", "../../x"]]', r"entry 0: is not \[question, answer, image number\]"),
        ('[["q", "yes", true]]', r"entry 0: is not \[question, answer, image number\]"),
        ('[["q", "yess", 0]]', r"entry 0: answer 'yess'; did you mean 'yes'\?"),
        ('[["q", "yes", 0], ["q", "no", 777]]', r"entry 1: 'data/train/images/777.png' is missing"),
    ],
)
def test_broken_questions_are_told(tmp_path: Path, questions: str, says: str) -> None:
    write(tmp_path, 3, 3)
    (tmp_path / "data/train/questions.json").write_text(questions, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        EasyVqa().table(Root(tmp_path))


def test_another_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data/answers.txt: .* is missing; the root should hold"):
        EasyVqa().table(Root(tmp_path))


@pytest.mark.slow
@needs("easy_vqa")
def test_the_real_files() -> None:
    table = EasyVqa(limit=4000).table(Root(SHARED / "easy_vqa"))
    assert len(table) == 4000 and len(table.task.targets) == 13
    assert table.split is not None and table.split.count("test") == round(4000 * 9673 / (38575 + 9673))
    split = assign(table, SplitCard())
    assert check(table, split) == []
    assert len(EasyVqa().table(Root(SHARED / "easy_vqa"))) == 38575 + 9673
