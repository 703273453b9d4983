"""CMU-MOSI, CMU-MOSEI, UR-FUNNY and MUStARD on files as they are distributed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.errors import UserError
from mmbench.registry import check_options, get
from tests.support.affect_files import SIZES, mmsa, multibench, write

LABELS = {"cmu_mosi": "sentiment", "cmu_mosei": "sentiment", "ur_funny": "zero or one", "mustard": "sign"}


@pytest.mark.parametrize("name", LABELS)
def test_it_is_read(name: str, tmp_path: Path) -> None:
    write(tmp_path, multibench(labels=LABELS[name]), protocol=2)
    table = get("dataset", name, where="test").cls().table(Root(tmp_path))
    assert len(table) == sum(SIZES.values())
    regression = LABELS[name] == "sentiment"
    assert (table.task.kind, table.task.metric, table.task.affect) == (
        ("regression", "mae", True) if regression else ("binary", "accuracy", False)
    )
    assert (table.group is not None) == regression


@pytest.mark.parametrize("name", ["cmu_mosi", "cmu_mosei"])
def test_mmsa(name: str, tmp_path: Path) -> None:
    write(tmp_path, mmsa(aligned=False), "unaligned_50.pkl")
    write(tmp_path, mmsa(), "aligned_50.pkl")
    cls = get("dataset", name, where="test").cls
    with pytest.raises(DataError, match="option `file`"):
        cls().table(Root(tmp_path))
    assert cls(file="unaligned_50.pkl", text="raw").table(Root(tmp_path)).modalities["text"].kind == "text"


def test_sentiment_has_bounds(tmp_path: Path) -> None:
    data = multibench()
    data["test"]["labels"] = np.full((6, 1), 3.5)
    write(tmp_path, data)
    with pytest.raises(DataError, match=r"test 0: label 3.5 is outside \[-3, 3\]"):
        get("dataset", "cmu_mosi", where="test").cls().table(Root(tmp_path))


@pytest.mark.parametrize("name", LABELS)
def test_a_missing_file_is_told_with_its_name(name: str, tmp_path: Path) -> None:
    info = get("dataset", name, where="test")
    with pytest.raises(DataError, match=r"no pickle \(.pkl\); expected .*\.pkl"):
        info.cls().table(Root(tmp_path))
    with pytest.raises(UserError, match="'words'"):
        check_options(info, {"text": "words"}, where="test")
