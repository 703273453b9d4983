"""The tables of docs/variants.md are those of the registries, and say how to bring them up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmbench.cli.variant_tables import COMMAND, main, names_in, own, table, update
from mmbench.errors import UserError
from mmbench.registry import Axis

PAGE = Path(__file__).resolve().parents[2] / "docs" / "variants.md"
SHOWN: tuple[Axis, ...] = ("attention", "fusion", "architecture", "dataset")


def test_the_tables_are_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert update(text) == text, f"docs/variants.md is stale: run `{COMMAND}`"


def test_every_variant_has_a_row_with_its_source() -> None:
    found = names_in(PAGE.read_text(encoding="utf-8"))
    assert found == {axis: set(own(axis)) for axis in SHOWN}
    for axis in SHOWN:
        rows = [line for line in table(axis).splitlines() if line.startswith("| `")]
        columns = table(axis).splitlines()[0].count("|")
        for row, info in zip(rows, own(axis).values(), strict=True):
            assert len(re.findall(r"(?<!\\)\|", row)) == columns, f"a bar cuts a cell: {row}"
            assert info.source in row
            assert row.endswith("| yes |") is info.core


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| `mean` |", "| `maen` |"),
        ("| `additive` | Additive", "| `additive` | Subtractive"),
        ("Vaswani et al. 2017", "Vaswani et al. 2016"),
    ],
)
def test_a_stale_table_is_told_and_mended(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = PAGE.read_text(encoding="utf-8")
    file = tmp_path / "variants.md"
    file.write_text(good.replace(old, new), encoding="utf-8")
    assert update(file.read_text(encoding="utf-8")) != file.read_text(encoding="utf-8")
    main(file)
    assert file.read_text(encoding="utf-8") == good
    assert capsys.readouterr().out.endswith("written\n")


def test_a_page_without_tables_or_with_an_unknown_axis_is_told() -> None:
    with pytest.raises(UserError, match="holds no table of variants"):
        update("# A project")
    with pytest.raises(UserError, match=r"unknown axis 'fuson' in a marker .* did you mean 'fusion'\?"):
        update("<!-- variants: fuson -->\n<!-- end -->")
