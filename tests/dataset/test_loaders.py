"""What every public data set promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.public.loader import Download, GitFolder, Loader
from mmbench.registry import Variant, variants

LOADERS = {name: info for name, info in variants("dataset").items() if issubclass(info.cls, Loader)}
CHECKSUM = re.compile(r"(sha256:)?[0-9a-f]{64}|(md5:)?[0-9a-f]{32}")


def test_they_are_found() -> None:
    assert {"av_mnist", "cmu_mosei", "cmu_mosi", "mm_imdb", "mustard", "ur_funny"} <= set(LOADERS)


@pytest.mark.parametrize("info", LOADERS.values(), ids=LOADERS)
def test_where_it_comes_from_is_said(info: Variant) -> None:
    origin = info.cls.origin
    assert all((origin.page, origin.revision, origin.licence, origin.citation, info.cls.description, info.summary))
    assert origin.page.startswith("http")
    assert origin.downloads or origin.by_hand, "neither fetched nor told how to get"
    for item in origin.downloads:
        if isinstance(item, GitFolder):
            assert re.fullmatch(r"[0-9a-f]{7,40}", item.commit), "a branch or a tag may move"
        else:
            assert isinstance(item, Download) and CHECKSUM.fullmatch(item.checksum)
    assert all(CHECKSUM.fullmatch(checksum) for checksum in origin.checksums.values())


@pytest.mark.parametrize("info", LOADERS.values(), ids=LOADERS)
def test_an_empty_folder_is_told(info: Variant, tmp_path: Path) -> None:
    needed = {name: "x" for name, option in info.options().items() if option.default is option.empty}
    with pytest.raises(DataError):
        info.cls(**needed).table(Root(tmp_path))
