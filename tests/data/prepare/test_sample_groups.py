"""Which test samples belong together, from the table to the file beside the arrays and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmbench.data.prepare import sample_groups
from mmbench.data.prepare.dataset import About, prepare_table
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Column, Table
from mmbench.errors import UserError
from mmbench.schema.task import task_of

SPLIT = np.array(["train", "validation", "test"] * 20)


def table(group: list[str] | None) -> Table:
    draw = np.random.default_rng(0)
    vectors = [draw.normal(size=3).astype(np.float32) for _ in SPLIT]
    return Table(
        places=[f"row {i}" for i in range(len(SPLIT))],
        modalities={"v": Column(kind="vector", cells=vectors)},
        task=task_of("classification", ("a", "b")),
        labels=np.arange(len(SPLIT)) // 3 % 2,
        split=SPLIT.tolist(),
        group=group,
    )


def speakers(each: int) -> list[str]:
    """So many samples of a speaker, who is in one split."""
    return [f"{split} {i // 3 // each}" for i, split in enumerate(SPLIT)]


def test_they_are_kept_in_the_order_of_the_prepared_rows(tmp_path: Path) -> None:
    spec = prepare_table("d", table(speakers(4)), tmp_path / "p" / "d", cuts=SplitCard(), about=About(), progress=False)
    assert sample_groups.load(tmp_path / "p" / "d", spec.splits["test"]) == [i // 4 for i in range(20)]
    prepare_table("d", table(None), tmp_path / "q" / "d", cuts=SplitCard(), about=About(), progress=False)
    assert sample_groups.load(tmp_path / "q" / "d", 20) is None


def test_a_sample_without_a_group_is_one_by_itself() -> None:
    some = ["one" if i < 30 else "" for i in range(len(SPLIT))]
    assert sample_groups.groups_of(table(some), SPLIT == "test") == [0] * 10 + list(range(1, 11))
    assert sample_groups.groups_of(table([""] * len(SPLIT)), SPLIT == "test") is None
    assert sample_groups.groups_of(table(speakers(1)), SPLIT == "test") is None, "no two belong together"


def test_a_group_whose_name_is_like_a_sample_s_number_stays_apart() -> None:
    names = ["sample 5", "", "x", *[""] * (len(SPLIT) - 3)]
    chosen = np.arange(len(SPLIT)) < 6
    assert sample_groups.groups_of(table(names), chosen) is None
    assert sample_groups.groups_of(table(["x", *names[1:]]), chosen) == [0, 1, 0, 2, 3, 4]


def test_a_data_set_with_groups_whose_description_is_broken_can_be_prepared_again(tmp_path: Path) -> None:
    folder = tmp_path / "p" / "d"
    for _ in range(2):
        prepare_table("d", table(speakers(4)), folder, cuts=SplitCard(), about=About(), progress=False)
        (folder / "spec.json").write_text("{", encoding="utf-8")
    assert sample_groups.load(folder, 20) is not None
    prepare_table("d", table(None), folder, cuts=SplitCard(), about=About(), progress=False)
    assert sample_groups.load(folder, 20) is None, "nothing of an earlier table is left"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"test": 3}', '{"test": [0, 1]}', '{"test": [0, 1, -1]}'])
def test_a_broken_file_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / sample_groups.FILE).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"groups\.json cannot be read"):
        sample_groups.load(tmp_path, 3)
