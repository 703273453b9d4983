"""Rows of numbers and categories: what every unit says, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.decode.base import Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.decode.table import TableDecoder
from mmbench.data.files.problems import CellError
from mmbench.data.table.record import record
from mmbench.errors import UserError

ROWS: list[dict[str, Any]] = [
    {"age": 1, "sex": "F", "breed": 128},
    {"age": "3.0", "sex": "M", "breed": 128},
    {"age": None, "sex": "F", "breed": 7},
    {"age": 5, "sex": None, "breed": 7},
    {"age": float("nan"), "sex": "M", "breed": 999},
]
"""Ages of mean 3 and spread sqrt(8 / 3); breed 999 is there once."""


def fitted(rows: list[dict[str, Any]], **options: Any) -> tuple[TableDecoder, Layout]:
    made = decoder("table", options)
    assert isinstance(made, TableDecoder)
    return made, made.fit([str(record(row)) for row in rows])


def units(made: TableDecoder, **row: Any) -> list[float]:
    found: list[float] = made.decode(str(record(row)))[0].tolist()
    return found


def test_numbers_are_standardised_and_categories_have_a_unit_each() -> None:
    made, layout = fitted(ROWS, categories=["breed"])
    assert layout.options == {"widths": [2, 4, 4]} and layout.shape == (10,) and layout.steps == 3
    assert layout.stem == "table" and layout.normal_axis is None and layout.whole
    assert layout.note == "numbers age; categories sex 2, breed 2"
    age = (5 - 3) / (8 / 3) ** 0.5
    # age: value, missing; sex: missing, another, F, M; breed: missing, another, 128, 7 in the order of their names.
    assert units(made, age=5, sex="M", breed=7) == pytest.approx([age, 0, 0, 0, 0, 1, 0, 0, 0, 1])
    assert units(made, age="", sex="nan", breed=128.0) == [0, 1, 1, 0, 0, 0, 0, 0, 1, 0]


def test_categories_that_are_rare_or_that_training_lacks_are_one() -> None:
    made, _ = fitted(ROWS, categories=["breed"])
    rare, unseen = units(made, age=3, sex="F", breed=999), units(made, age=3, sex="F", breed="poodle")
    assert rare == unseen == [0, 0, 0, 0, 1, 0, 0, 1, 0, 0]
    every, _ = fitted(ROWS, categories=["breed"], least=1)
    assert units(every, age=3, sex="F", breed=999) != units(every, age=3, sex="F", breed="poodle")
    few, layout = fitted(ROWS, categories=["breed"], most=1)
    assert layout.options["widths"] == [2, 3, 3]
    assert units(few, age=3, sex="F", breed=7)[5:] == [0, 1, 0], "of two that are as common the first by name stays"


def test_codes_are_numbers_unless_they_are_named_as_categories() -> None:
    assert fitted(ROWS)[1].note == "numbers age, breed; categories sex 2"


def test_numbers_that_single_precision_cannot_tell_apart_stay_apart() -> None:
    rows = [{"at": 1_700_000_000 + i, "id": 2**24 + i} for i in range(100)]
    made, _ = fitted(rows)
    found = np.array([made.decode(str(record(row)))[0] for row in rows])
    assert all(len(np.unique(found[:, column])) == 100 for column in (0, 2))
    assert found[:, 0].std() == pytest.approx(1, rel=1e-5)


def test_a_constant_column_says_nothing() -> None:
    made, _ = fitted([{"a": 7, "b": i} for i in range(4)])
    assert units(made, a=7, b=0)[:2] == [0, 0]


@pytest.mark.parametrize("odd", ["12 months", "?", "1,5", "unknown"])
def test_a_word_among_numbers_is_refused_and_named(odd: str) -> None:
    rows = [{"age": i, "sex": "F"} for i in range(18)] + [{"age": odd, "sex": "M"}] * 2
    made, _ = fitted(rows)
    assert units(made, age=17, sex="F")[0] > 1
    told = rf"age: '{re.escape(odd)}' is no number, as most of the column are; leave such cells empty, or name"
    with pytest.raises(CellError, match=told):
        units(made, age=odd, sex="F")
    assert fitted(rows, categories=["age"])[1].options["widths"][0] == 2 + 1, "a word that is there twice"


@pytest.mark.parametrize("odd", ["1e300", "1e39", "inf", "-inf"])
def test_a_number_that_is_too_large_is_called_so(odd: str) -> None:
    made, _ = fitted([{"age": i} for i in range(18)])
    with pytest.raises(CellError, match=rf"^age: '{odd}' is too large or not finite$"):
        units(made, age=odd)


def test_all_words_of_a_row_are_told_at_once() -> None:
    made, _ = fitted([{"age": i, "weight": i} for i in range(18)])
    with pytest.raises(CellError, match=r"age: 'old' is no number.*; weight: 'light' is no number"):
        units(made, age="old", weight="light")


def test_a_word_among_later_numbers_is_refused() -> None:
    made, _ = fitted(ROWS)
    with pytest.raises(CellError, match="age: 'old' is no number"):
        units(made, age="old", sex="F", breed=7)
    with pytest.raises(CellError, match="lacks the column 'breed'"):
        units(made, age=1, sex="F")


@pytest.mark.parametrize("cell", ["", "[1, 2]", "{", '{"a": 1}', '{"a": ["x"]}', "null"])
def test_what_is_no_row_is_refused(cell: str) -> None:
    with pytest.raises(CellError, match="is no row of a table"):
        fitted(ROWS)[0].decode(cell)


def test_numbers_that_stand_for_none_are_missing() -> None:
    rows = [{"age": 1, "sex": "F"}, {"age": 3, "sex": "-1"}, {"age": "-999.0", "sex": "F"}, {"age": -999, "sex": -1}]
    made, layout = fitted(rows, missing=[-999, -1])
    assert not layout.whole and layout.note == "numbers age; categories sex 1; -999, -1 read as missing"
    assert units(made, age=3, sex="F") == [1, 0, 0, 0, 1], "a mean of 2 and a spread of 1, without the marks"
    assert units(made, age=-999, sex="F") == [0, 1, 0, 0, 1]
    values, mask = made.decode(str(record(rows[3])))
    assert values.tolist() == [0, 1, 1, 0, 0] and mask is not None and not mask.any()
    assert made.decode(str(record(rows[2])))[1] is None
    assert made.measure(str(record(rows[2]))) == 1


def test_numbers_far_out_can_be_brought_nearer() -> None:
    rows = [{"at": i, "b": i} for i in range(-50, 51)] + [{"at": 1e9, "b": 0}]
    plain, clipped = fitted(rows)[0], fitted(rows, clip=3)[0]
    assert abs(units(plain, at=50, b=0)[0] - units(plain, at=-50, b=0)[0]) < 1e-4
    assert units(clipped, at=50, b=0)[0] - units(clipped, at=-50, b=0)[0] > 2
    assert units(clipped, at=1e9, b=0)[0] == units(clipped, at=1e6, b=0)[0] < 5
    again = TableDecoder(clip=3)
    again.restore(json.loads(json.dumps(clipped.state())))
    assert units(again, at=1e9, b=7) == units(clipped, at=1e9, b=7)


def test_an_option_that_names_no_column_is_refused() -> None:
    with pytest.raises(CellError, match=r"option categories: 'bred' is none of its columns.*breed"):
        fitted(ROWS, categories=["bred"])
    with pytest.raises(UserError, match="most"):
        decoder("table", {"most": 0})


def test_a_row_without_any_value_is_a_missing_modality() -> None:
    assert record({"a": None, "b": " ", "c": float("nan"), "d": "N/A"}) is None
    with pytest.raises(CellError, match="b: is a list; a table takes numbers and names"):
        record({"a": 1, "b": [1]})


VALUE = st.none() | st.integers(-9, 9) | st.sampled_from(["F", "M", "Ünï", "a b", '"', "1e3"]) | st.booleans()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries({"x": VALUE, "y": VALUE, "z": VALUE}), min_size=3, max_size=30))
def test_a_decoder_that_is_restored_reads_alike_and_each_category_has_one_unit(rows: list[dict[str, Any]]) -> None:
    cells = [cell for row in rows if (cell := record(row)) is not None]
    made = TableDecoder(categories=["x", "y", "z"])
    if not cells:
        return
    widths = made.fit(cells).options["widths"]
    again = TableDecoder()
    again.restore(json.loads(json.dumps(made.state())))
    for cell in cells:
        values, mask = made.decode(cell)
        assert mask is None and np.array_equal(values, again.decode(cell)[0])
        assert [float(part.sum()) for part in np.split(values, np.cumsum(widths)[:-1])] == [1.0] * 3


@pytest.mark.parametrize(
    "form",
    ["{} %", "{}%", "€{}.50", "{}.00 €", "{} kg", "{} mg/dl", "1,{:03}", "{},5", "1.{:03},50", "{}e99", "{}.5 mmHg"],
)
def test_numbers_for_people_that_are_read_as_categories_are_told(form: str) -> None:
    made, layout = fitted([{"age": i, "x": form.format(i // 2 + 1)} for i in range(40)])
    assert "categories x" in layout.note
    (said,) = made.remarks
    assert said.startswith("x: is read as categories") and repr(form.format(1)) in said
    named, _ = fitted([{"age": i, "x": form.format(i // 2 + 1)} for i in range(40)], categories=["x"])
    assert not named.remarks


def test_categories_that_all_differ_are_told() -> None:
    made, _ = fitted([{"age": i, "name": f"who{i}"} for i in range(40)])
    assert [said.split(" (")[0] for said in made.remarks] == [
        "name: is read as categories, and none of them is in 2 training samples, so that they tell nothing"
    ]


@pytest.mark.parametrize("values", [("a", "b"), ("1a", "2b"), ("I50.1", "C3"), ("3-4", "5-6"), ("1", "2"), ("x 1",)])
def test_categories_and_plain_numbers_are_not_doubted(values: tuple[str, ...]) -> None:
    assert not fitted([{"x": values[i % len(values)]} for i in range(40)])[0].remarks
