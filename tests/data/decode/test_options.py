"""docs/your-data.md lists every option of every decoder, with its default."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from mmbench.data.decode.base import describe_cut
from mmbench.data.decode.factory import decoder
from mmbench.data.decode.pixels import Wish
from mmbench.data.table.table import KINDS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "your-data.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_documented_with_its_default(kind: str) -> None:
    text = DOCS.read_text(encoding="utf-8")
    told = dict(re.findall(rf"^\| `{kind}` \| `(\w+)` \| `?([^`|]+?)`? \|", text, re.MULTILINE))
    defaults = {
        name: "–" if p.default is None else str(p.default).lower()
        for name, p in inspect.signature(type(decoder(kind, {}))).parameters.items()
    }
    assert told == defaults


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ([1, 2, 2], "none of the training samples is cut"),
        ([1, 2, 3, 3], "50% of training samples are longer and are cut (option length)"),
        ([*[1] * 999, 3], "less than 1% of training samples are longer and are cut (option length)"),
    ],
)
def test_what_is_cut_is_told_with_the_option(lengths: list[int], said: str) -> None:
    assert describe_cut(lengths, 2, "length") == said


def test_the_size_of_pictures_is_explained() -> None:
    wish = Wish(side=None, height=None, width=None, patch=None)
    sizes = [(60, 80)] * 3
    height, width, patch = wish.grid(sizes, 64)
    assert (height, width, patch) == (56, 72, 8)
    told = wish.why(sizes, (height, width), patch)
    assert told == " (most are 80 x 60: reduced to about 4,096 pixels, in multiples of the patch of 8; option side)"
    assert wish.why([(64, 64)], (64, 64), 8) == ""
    assert Wish(side=32, height=None, width=None, patch=None).why(sizes, (32, 32), 8) == ""
