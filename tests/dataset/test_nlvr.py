"""NLVR as it is distributed: JSON lines and RGBA pictures of permuted boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.split.leakage import check, find
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Table
from mmbench.dataset.nlvr import Nlvr
from mmbench.errors import UserError
from tests.support.shared_data import SHARED, needs


def write(root: Path, sentences: int = 20) -> list[dict[str, Any]]:
    """Examples `{prefix}-{n}`: four pictures a sentence, six permutations each."""
    rng, examples = np.random.default_rng(0), []
    for prefix in range(sentences):
        for n in range(4):
            directory = str(prefix % 3)
            (root / "images" / directory).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (100, 400, 4), dtype=np.uint8)
            pixels[:, :50, 3] = 0
            for p in range(6):
                image = Image.fromarray(np.roll(pixels, 133 * p, axis=1))
                image.resize((40, 10)).save(root / f"images/{directory}/dev-{prefix}-{n}-{p}.png")
            examples.append(
                {
                    "sentence": f"There is a tower of exactly {prefix} yellow blocks in the box on the left.",
                    "label": ("true", "false")[n % 2],
                    "identifier": f"{prefix}-{n}",
                    "directory": directory,
                }
            )
    save(root, examples)
    return examples


def save(root: Path, examples: list[dict[str, Any]]) -> None:
    (root / "dev.json").write_text("\n".join(json.dumps(e) for e in examples) + "\n", encoding="utf-8")


def random_split(table: Table) -> np.ndarray:
    return np.random.default_rng(0).choice(SPLITS, len(table), p=[0.7, 0.15, 0.15])


def test_samples(tmp_path: Path) -> None:
    write(tmp_path)
    table = Nlvr().table(Root(tmp_path))
    assert len(table) == 20 * 4 * 6 and table.task.targets == ("false", "true")
    assert table.labels[:18].tolist() == [1] * 6 + [0] * 6 + [1] * 6
    assert table.places[6] == "dev.json line 2, images/0/dev-0-1-0.png"
    assert len(set(table.group or ())) == 20
    assert len(Nlvr(permutations=2).table(Root(tmp_path))) == 20 * 4 * 2


def test_grouped_split_does_not_leak_and_a_random_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    table = Nlvr().table(Root(tmp_path))
    split = assign(table, SplitCard())
    assert set(split.tolist()) == set(SPLITS) and check(table, split) == []
    with pytest.raises(DataError, match=r"same text \(text\).*same group"):
        check(table, random_split(table))


def test_what_shares_a_sentence_or_a_picture_is_one_group(tmp_path: Path) -> None:
    examples = write(tmp_path)
    for example in examples[4:8]:
        example["sentence"] = examples[0]["sentence"].upper()  # sentence of prefix 0
    picture = (tmp_path / "images/0/dev-3-0-0.png").read_bytes()  # of prefix 3
    (tmp_path / "images/1/dev-1-2-5.png").write_bytes(picture)  # in prefix 1
    save(tmp_path, examples)
    table = Nlvr().table(Root(tmp_path))
    assert table.group is not None
    of = {place.split("dev-")[1].split("-")[0]: g for place, g in zip(table.places, table.group, strict=True)}
    assert of["0"] == of["1"] == of["3"] and len(set(of.values())) == 18


def test_transparent_pixels_are_white_and_the_alpha_is_no_channel(tmp_path: Path) -> None:
    write(tmp_path, 1)
    column = Nlvr().table(Root(tmp_path)).modalities["image"]
    clear = Image.new("RGBA", (400, 100), (0, 0, 0, 0))
    clear.save(tmp_path / "images/0/dev-0-0-0.png")
    read = decoder("image", column.options)
    layout = read.fit([c for c in column.cells if c is not None])
    assert layout.shape == (3, 48, 192) and layout.steps == 36
    cell = column.cells[0]
    assert cell is not None and (read.decode(cell)[0] == 255).all()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "dev.json line 1: is not a JSON object"),
        ("[1]", "dev.json line 1: is not a JSON object"),
        ('{"sentence": "a"}', "dev.json line 1: has no text 'label'"),
        (
            '{"sentence": "a", "label": "maybe", "identifier": "1-0", "directory": "0"}',
            "dev.json line 1: has the label 'maybe'",
        ),
        (
            '{"sentence": "a", "label": "true", "identifier": "1-0", "directory": "../.."}',
            r"dev.json line 1: .*leads out of",
        ),
        ('{"sentence": "a", "label": "true", "identifier": "1-0", "directory": "0"}', r"dev.json line 1: .*is missing"),
        ("", "dev.json: holds no example"),
    ],
)
def test_broken_files_are_told_with_their_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "dev.json").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=says):
        Nlvr().table(Root(tmp_path))


def test_all_missing_pictures_are_told(tmp_path: Path) -> None:
    write(tmp_path, 2)
    (tmp_path / "images/0/dev-0-1-3.png").unlink()
    (tmp_path / "images/1/dev-1-0-0.png").unlink()
    with pytest.raises(DataError) as caught:
        Nlvr().table(Root(tmp_path))
    assert [p.where for p in caught.value.problems] == ["dev.json line 2", "dev.json line 5"]
    with pytest.raises(DataError, match="it should lie in the root, beside images/"):
        Nlvr(part="train").table(Root(tmp_path))
    with pytest.raises(UserError, match="permutations is 7"):
        Nlvr(permutations=7)


@pytest.mark.exhaustive
@needs("nlvr_dev")
def test_a_random_split_of_the_real_files_is_refused() -> None:
    table = Nlvr(permutations=2).table(Root(SHARED / "nlvr_dev"))
    assert len(table) == 2 * 989
    with pytest.raises(DataError, match=r"same text \(text\).*same group"):
        check(table, random_split(table))
    # Without the groups, sentences and pictures betray it too.
    kinds = {leak.kind for leak in find(table, random_split(table))}
    assert {"same text", "same content"} <= kinds


@pytest.mark.exhaustive
@needs("nlvr_dev")
def test_the_grouped_split_of_the_real_files_does_not_leak() -> None:
    table = Nlvr().table(Root(SHARED / "nlvr_dev"))
    assert len(table) == 5934
    split = assign(table, SplitCard())
    assert check(table, split) == []
    assert all((split == name).mean() > 0.1 for name in SPLITS)
    assert Image.open(table.modalities["image"].cells[0].open()).mode == "RGBA"  # type: ignore[union-attr]
