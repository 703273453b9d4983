"""Outcomes are predicted, not what is known of a person beforehand; visits and sessions are no classes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbench.data.draft.draft import Draft
from mmbench.data.draft.target_words import rank
from tests.support.folders import drafted, fill, table

N = 120


def drawn(folder: Path, columns: dict[str, Sequence[Any]], seed: int = 0) -> Draft:
    """The draft of a table of texts and these columns, whose values are drawn from a few; unevenly of the first."""
    draw = random.Random(seed)
    lines = [",".join(["text", *columns])]
    for i in range(N):
        cells = [draw.choice([*values, *([values[0]] * 9 * (j == 0))]) for j, values in enumerate(columns.values())]
        lines.append(",".join([f"these are some words {i}", *map(str, cells)]))
    (folder / "m.csv").write_text("\n".join(lines), encoding="utf-8")
    return drafted(folder)


def predicted(made: Draft) -> Any:
    return next(iter(yaml.safe_load(made.card)["target"].values()))


def asked(made: Draft) -> bool:
    (line,) = [line for line in made.card.splitlines() if line.startswith("target:")]
    return "# ?" in line


OUTCOMES = {
    "diagnosis": ["ill", "well", "odd"],
    "tumour_grade": [1, 2, 3],
    "Outcome": ["a", "b"],
    "diseaseStage": ["i", "ii", "iii"],
    "mood": ["low", "high"],
    "severity": [0, 1],
}
KNOWN = {"sex": "MF", "Gender": "MF", "patient_age": range(20, 90), "site": "xyz", "scanner": [1, 2], "centre": "ab"}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("known", KNOWN)
def test_an_outcome_comes_before_what_is_known(tmp_path: Path, outcome: str, known: str) -> None:
    """Also where its classes are uneven, and wherever it stands."""
    made = drawn(tmp_path, {outcome: OUTCOMES[outcome], known: KNOWN[known], "visit": [1, 2]})
    assert predicted(made) == outcome
    (tmp_path / "m.csv").unlink()
    assert predicted(drawn(tmp_path, {"visit": [1, 2], known: KNOWN[known], outcome: OUTCOMES[outcome]})) == outcome


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("other", ["kind", "colour", "smoker"])
def test_any_other_column_comes_before_what_is_known(tmp_path: Path, known: str, other: str) -> None:
    made = drawn(tmp_path, {other: [0, 1], known: KNOWN[known]})
    assert predicted(made) == other and asked(made)
    assert any(f": {known}}}`" in line for line in made.unsure if "could also be" in line)


@pytest.mark.parametrize("known", KNOWN)
def test_alone_it_is_offered(tmp_path: Path, known: str) -> None:
    made = drawn(tmp_path, {known: KNOWN[known]})
    assert predicted(made) == known and asked(made)


@pytest.mark.parametrize("names", [("a", "b", "c"), ("disease_a", "disease_b", "sex"), ("toxic", "rude", "site")])
def test_columns_of_0_and_1_stay_labels_together(tmp_path: Path, names: tuple[str, ...]) -> None:
    made = drawn(tmp_path, dict.fromkeys(names, (0, 1)))
    found = predicted(made)
    assert set(found["columns"] if isinstance(found, dict) else found) == set(names) - set(KNOWN)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("age_at_diagnosis", 0),
        ("ageGroup", 0),
        ("Sex", 0),
        ("scanner1", 0),
        ("diagnosis", 2),
        ("tumorGrade", 2),
        ("labels", 2),
        ("image", 1),
        ("dosage", 1),
        ("website", 1),
    ],
)
def test_words_of_names(name: str, expected: int) -> None:
    assert rank(name) == expected


@pytest.mark.parametrize("word", ["visit{}", "session_{}", "week{:02}", "run-{}", "take{}", "Day{}", "frame{}"])
@pytest.mark.parametrize("people", [("P01", "P02", "P03"), ("anna", "bob", "cleo", "dora"), ("001", "002", "007")])
@pytest.mark.parametrize("files", [("flair.png",), ("flair.png", "t1.png"), ("x.png", "x.wav")])
def test_visits_are_no_classes(tmp_path: Path, word: str, people: tuple[str, ...], files: tuple[str, ...]) -> None:
    times = [word.format(i) for i in (1, 2, 3)]
    made = drafted(fill(tmp_path, [f"scans/{p}/{t}/{f}" for p in people for t in times for f in files]))
    assert made.manifest is not None
    assert not {row["label"] for row in table(made.manifest)} & set(times)
    assert asked(made)
    assert any("read otherwise" in line and "class" in line for line in made.unsure)
