"""Many problems that are alike are one line; others are not lost among them."""

from __future__ import annotations

from mmbench.data.files.problems import DataError, Problem, by_kind


def missing(row: int) -> Problem:
    return Problem(where=f"m.csv row {row}, image ({row}.png)", what=f"'{row}.png' is missing")


def test_problems_that_are_alike_are_one_line() -> None:
    other = Problem(where="m.csv row 7, label", what="the target is missing; every sample needs one")
    told = by_kind([*map(missing, range(2, 12)), other, *map(missing, range(12, 32))])
    first = "m.csv row 2, image (2.png): '2.png' is missing (and 29 more like it: rows 3, 4, 5, 6, 7, …)"
    assert told == [(first, 30), (str(other), 1)]


def test_few_are_told_one_by_one() -> None:
    assert [line for line, _ in by_kind([missing(2), missing(3)])] == [str(missing(2)), str(missing(3))]


def test_another_column_or_reason_is_another_kind() -> None:
    sound = [Problem(where=f"m.csv row {i}, sound", what=f"'{i}.png' is missing") for i in range(4)]
    empty = [Problem(where=f"m.csv row {i}, image", what="is empty (0 bytes)") for i in range(4)]
    assert [count for _, count in by_kind([*map(missing, range(4)), *sound, *empty])] == [4, 4, 4]


def test_the_message_of_an_error_counts_what_it_leaves_out() -> None:
    kinds = [Problem(where=f"m.csv row {i}", what=f"is {'x' * i}") for i in range(1, 31)]
    assert str(DataError(kinds)).endswith("and 10 more problems; `mmbench data check` lists all")
    assert str(DataError([missing(i) for i in range(90)])).count("\n") == 0


def test_places_that_differ_in_a_name_are_alike() -> None:
    classes = [Problem(where=f"class 'c{i}'", what=f"occurs in {1 + i % 2} samples; too few") for i in range(500)]
    assert [(line.split(" (")[0], count) for line, count in by_kind(classes)] == [(str(classes[0]).split(" (")[0], 500)]
