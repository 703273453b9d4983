"""Numbers and categories beside texts and files: what `mmbench data init` offers, and that it works when taken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mmbench.data.draft.draft import draft
from mmbench.data.table import manifest
from mmbench.data.table.card import load_card
from mmbench.errors import UserError

N = 60
OFFER = "  # details: "


def write(folder: Path, **more: object) -> str:
    """A table of captions, numbers and categories; its card."""
    draw = np.random.default_rng(0)
    rows = {
        "caption": [f"an animal of number {i} that swims" for i in range(N)],
        "Age": [None if i % 9 == 0 else round(float(v), 1) for i, v in enumerate(draw.uniform(1, 9, N))],
        "Breed": draw.choice([7, 128, 152], N),
        "Sex": draw.choice(["F", "M"], N),
        "Owner": [f"person{i}" for i in range(N)],
        "Country": ["somewhere"] * N,
        "label": draw.choice(["slow", "fast"], N),
    }
    pd.DataFrame(rows | more).to_csv(folder / "animals.csv", index=False)
    return draft(folder, root=".").card


def test_numbers_and_words_that_come_again_are_offered_and_no_others(tmp_path: Path) -> None:
    """A name that each animal has of its own, or that all have, tells nothing."""
    write(tmp_path)
    made = draft(tmp_path, root=".")
    (line,) = (line for line in made.card.splitlines() if line.startswith(OFFER))
    assert "details: {table: {columns: [Age, Breed, Sex]}}" in line and "# ?" in line
    (asked,) = (text for text in made.unsure if "inputs too" in text)
    assert asked.startswith("are Age, Breed, Sex inputs too, known where predictions are made? then uncomment")
    assert asked.endswith("under `categories` (Breed?)")


def test_a_column_of_numbers_with_a_word_in_it_is_offered_as_one(tmp_path: Path) -> None:
    """The check then says in which row the word stands."""
    years = [*map(str, np.random.default_rng(1).uniform(1, 9, N - 1)), "old"]
    line = next(line for line in write(tmp_path, Years=years).splitlines() if line.startswith(OFFER))
    assert "[Age, Breed, Sex, Years]" in line
    words = ["old", *(f"about {i}" for i in range(N - 1))]
    assert "Years" not in next(x for x in write(tmp_path, Years=words).splitlines() if x.startswith(OFFER))


def test_the_line_works_when_its_mark_is_taken_away(tmp_path: Path) -> None:
    card = write(tmp_path).replace(OFFER, "  details: ").replace("Sex]}", "Sex], categories: [Breed]}")
    (tmp_path / "dataset.yaml").write_text(card, encoding="utf-8")
    found = manifest.table(load_card(tmp_path), tmp_path)
    assert found.modalities["details"].kind == "table" and found.modalities["details"].named == ("Age", "Breed", "Sex")
    assert len(found) == N and all(cell is not None for cell in found.modalities["details"].cells)
    first = pd.read_csv(tmp_path / "animals.csv").iloc[0]
    expected = {"Age": None, "Breed": str(first["Breed"]), "Sex": first["Sex"]}
    assert json.loads(str(found.modalities["details"].cells[0])) == expected


def test_where_nothing_is_left_nothing_is_offered(tmp_path: Path) -> None:
    pd.DataFrame({"caption": [f"a b c {i}" for i in range(N)], "label": ["x", "y"] * (N // 2)}).to_csv(
        tmp_path / "t.csv", index=False
    )
    assert OFFER not in draft(tmp_path, root=".").card


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"details": "table"}, "names its `columns`"),
        ({"details": {"table": {"columns": ["Age", "Age"]}}}, "'Age' is named twice"),
        ({"details": {"table": {"columns": ["Age", "label"]}}}, "column 'label' is named for"),
        ({"caption": {"text": {"columns": ["caption"]}}}, "and no other kind|no other kind does"),
    ],
)
def test_a_card_that_cannot_be_is_refused(columns: dict[str, object], message: str, tmp_path: Path) -> None:
    write(tmp_path)
    card = {"manifest": "animals.csv", "columns": columns, "target": {"classification": "label"}}
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_card(tmp_path)


def test_a_column_that_is_not_there_and_words_for_missing_are_told(tmp_path: Path) -> None:
    write(tmp_path, Sex=["none", "F", "M"] * (N // 3))
    card = {"manifest": "animals.csv", "target": {"classification": "label"}}
    columns = {"details": {"table": {"columns": ["Age", "Seks"]}}}
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(card | {"columns": columns}), encoding="utf-8")
    told = manifest.survey(load_card(tmp_path), tmp_path)
    assert any("no column 'Seks'" in str(p) and "Sex" in str(p) for p in told.problems)
    columns = {"details": {"table": {"columns": ["Age", "Sex"]}}}
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(card | {"columns": columns}), encoding="utf-8")
    told = manifest.survey(load_card(tmp_path), tmp_path)
    assert not told.problems and any("Sex: 20 fields hold 'none', which is taken for missing" in n for n in told.notes)
