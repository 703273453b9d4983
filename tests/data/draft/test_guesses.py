"""What `init` makes of columns: targets, groups, lists, codes; and that its card can be read, whatever their names."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbench.data.draft.draft import Draft, draft
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, Card, load_card
from mmbench.errors import UserError


def table(folder: Path, columns: dict[str, list[Any]], name: str = "m.csv") -> Draft:
    """The draft for a table of these columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    (folder / name).write_text(text.getvalue(), encoding="utf-8")
    return draft(folder, root=".")


def card(folder: Path, made: Draft) -> Card:
    (folder / FILE).write_text(made.card, encoding="utf-8")
    return load_card(folder)


def said(made: Draft, key: str) -> Any:
    return yaml.safe_load(made.card)[key]


def marked(made: Draft, key: str) -> bool:
    (line,) = [line for line in made.card.split("\n") if line.startswith(f"{key}:")]
    return "# ? " in line


N = 120
WORDS = [f"these are some words {i}" for i in range(N)]


@pytest.mark.parametrize(
    ("values", "kind", "sure"),
    [
        (["['a', 'b']", "['b']", "[]"], "multilabel", True),
        (["1.1", "1.10", "1.2"], "classification", False),
        (["007", "011", "012"], "classification", False),
        (["1e2", "2e2", "3e4"], "classification", False),
        (["0.5", "1.0", "1.5"], "regression", False),
        ([f"{i}.{i}7" for i in range(N)], "regression", True),
        (["a,b", "b,c", "a,c"], "multilabel", False),
        (["heart sounds, heartbeat", "police car, siren", "dog"], "classification", True),
        (["yes", "no", "nan"], "binary", True),
    ],
)
def test_targets(tmp_path: Path, values: list[str], kind: str, sure: bool) -> None:
    made = table(tmp_path, {"text": WORDS, "label": [values[i % len(values)] for i in range(N)]})
    assert next(iter(said(made, "target"))) == kind
    assert marked(made, "target") != sure


@pytest.mark.parametrize(
    ("name", "count", "kind", "sure"),
    [
        ("class", 30, "classification", False),
        ("action", 60, "classification", False),
        ("sub_category", 40, "classification", False),
        ("label", 40, "regression", False),
        ("label", 10, "classification", False),
        ("score", 120, "regression", True),
    ],
)
def test_whole_numbers(tmp_path: Path, name: str, count: int, kind: str, sure: bool) -> None:
    made = table(tmp_path, {"text": WORDS, name: [i % count for i in range(N)]})
    assert next(iter(said(made, "target"))) == kind
    assert marked(made, "target") != sure
    twin = "regression" if kind == "classification" else "classification"
    assert any(f"`target: {{{twin}: {name}}}`" in line for line in made.unsure) == (not sure and count > 20)


@pytest.mark.parametrize("name", ["group", "subject", "speaker", "video_id"])
def test_files_that_name_a_group_are_no_second_picture(tmp_path: Path, name: str) -> None:
    for i in range(N):
        (tmp_path / f"{i}.png").write_bytes(b"a picture")
    files = [f"{i}.png" for i in range(N)]
    made = table(tmp_path, {"crop": files, name: [f"{i // 4}.png" for i in range(N)], "label": ["a", "b"] * (N // 2)})
    assert said(made, "columns") == {"crop": "image"}
    assert said(made, "group") == name
    assert marked(made, "group")
    made = table(tmp_path, {"crop": files, name: files[::-1], "label": ["a", "b"] * (N // 2)})
    assert list(said(made, "columns")) == ["crop", name]


@pytest.mark.parametrize("prefix", ["y", "y_", "target", "label_"])
@pytest.mark.parametrize("flags", [True, False])
def test_numbered_targets_are_one_target_and_no_input(tmp_path: Path, prefix: str, flags: bool) -> None:
    many = {f"{prefix}{j}": [(i + j) % 2 if flags else (i * 7 + j) * 0.13 for i in range(N)] for j in range(17)}
    inputs = {f"x{j}": [i * 0.7 + j for i in range(N)] for j in range(4)}
    made = table(tmp_path, inputs | many)
    assert said(made, "columns") == {"x": {"vector": {"prefix": "x"}}}
    kind = "multilabel" if flags else "regression"
    assert said(made, "target") == {kind: {"columns": list(many)}}
    assert len(manifest.survey(card(tmp_path, made), tmp_path).task.targets) == 17  # type: ignore[union-attr]


def test_numbered_targets_beside_another_are_offered_and_no_input(tmp_path: Path) -> None:
    many = {f"y{j}": [(i * 7 + j) * 0.13 for i in range(N)] for j in range(3)}
    made = table(tmp_path, {"text": WORDS} | many | {"label": ["a", "b"] * (N // 2)})
    assert said(made, "columns") == {"text": "text"}
    assert marked(made, "target")
    offered = [said(made, "target"), *(line for line in made.unsure if "it could also be" in line)]
    assert any("[y0, y1, y2]" in str(o).replace("'", "") for o in offered)
    assert any("label" in str(o) for o in offered)


def test_a_prefix_that_fits_another_column_is_told(tmp_path: Path) -> None:
    columns = {f"f{j}": [i * 0.7 + j for i in range(N)] for j in range(3)}
    made = table(tmp_path, columns | {"fine words": WORDS, "label": ["a", "b"] * (N // 2)})
    assert said(made, "columns") == {"fine_words": {"text": {"column": "fine words"}}}
    assert any("f0 to f2 may be one vector, but fine words begins so too" in line for line in made.unsure)


def test_lists_of_numbers_in_text_are_vectors(tmp_path: Path) -> None:
    made = table(tmp_path, {"v": [f"[{i}, {i + 0.5}]" for i in range(N)], "label": ["a", "b"] * (N // 2)})
    assert said(made, "columns") == {"v": "vector"}
    cells = manifest.table(card(tmp_path, made), tmp_path).modalities["v"].cells
    assert cells[3].tolist() == [3, 3.5]  # type: ignore[union-attr]


RECORDS = [
    {"image": f"img/{i}.png", "turns": [{"value": f"some words are {i}"}], "label": "ab"[i % 2]} for i in range(9)
]


@pytest.mark.parametrize("folder", ["img", "ab"])
def test_a_json_document_that_names_the_files_is_the_table(tmp_path: Path, folder: str) -> None:
    (tmp_path / "img").mkdir()
    for i in range(9):
        (tmp_path / f"img/{i}.png").write_bytes(b"a picture")
    (tmp_path / "classes.json").write_text(json.dumps([{"id": 100, "name": "cat"}]))
    (tmp_path / "annotations.json").write_text(json.dumps(RECORDS))
    made = draft(tmp_path, root=".")
    assert said(made, "manifest") == "annotations.json"
    assert said(made, "columns") == {"image": "image", "turns_0_value": {"text": {"column": "turns.0.value"}}}
    (tmp_path / "annotations.json").write_text(json.dumps({"images": RECORDS, "boxes": [{"a": 1}]}))
    made = draft(tmp_path, root=".")
    assert made.manifest is not None
    assert any("annotations.json is not read: it holds several lists of records" in line for line in made.unsure)
    assert any("classes.json holds records, but names none of the files" in line for line in made.unsure)


def test_a_table_in_which_nothing_can_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("a table of mine\n" + "1,2,3\n" * 9)
    with pytest.raises(UserError, match=r"has no samples: m.csv row 1: the header \(a table of mine\) has 1 fields"):
        draft(tmp_path, root=".")


NASTY = (
    *("malignant?", "a: b", "# c", "- d", "yes", "null", "1.5", "{e", "[f]", "g'h", 'i"j', "k\\l", "!m", "&n", "*o"),
    *("label", "Label", "y?", "x" * 100, "p%q", "@r", "`s", "t,u", "?", "~", "=", "<<", "a\u0308", "v: ?", "w #x"),
)
NAMES = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(NASTY))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, min_size=2, max_size=5, unique=True),
    kinds=st.lists(st.sampled_from(["words", "classes", "numbers", "pairs"]), min_size=4, max_size=4),
)
def test_a_drafted_card_can_be_read_whatever_columns_are_called(
    tmp_path: Path, names: list[str], kinds: list[str]
) -> None:
    values = {
        "words": [f"plain words number {i}" for i in range(9)],
        "classes": ["a", "b", "c"] * 3,
        "numbers": [i * 1.3 for i in range(9)],
        "pairs": ["x|y", "y", "z|x"] * 3,
    }
    columns = {name: values[kind] for name, kind in zip(names, ["words", *kinds], strict=False)}
    try:
        made = table(tmp_path, columns)
    except UserError:
        return
    if "columns: {}" in made.card:
        return
    read = card(tmp_path, made)
    known = manifest.survey(read, tmp_path)
    assert not [p for p in known.problems if "no column" in p.what and "which column?" not in p.what], made.card


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("captions", ["a man runs fast", "he is in a park"], "text"),
        ("answers", ["in the green park", "on the old bridge"], "text"),
        ("captions", ["a dog", "two cats"], "text"),
        ("objects", ["a dog", "two cats"], "multilabel"),
        ("tags", ["dog", "red car"], "multilabel"),
        ("labels", ["a very long name", "of a label here"], "multilabel"),
    ],
)
def test_lists_of_sentences_are_texts_and_lists_of_names_are_labels(
    tmp_path: Path, name: str, value: list[str], kind: str
) -> None:
    for folder, listed in ((tmp_path / "csv", [str(value)] * 20), (tmp_path / "json", None)):
        folder.mkdir()
        other = {"x": [f"{i}.5, {i}" for i in range(20)], "score": [str(i % 7 + i / 100) for i in range(20)]}
        if listed is not None:
            made = table(folder, {name: listed, **other})
        else:
            lines = [json.dumps({name: value, "score": i % 7 + i / 100}) + "\n" for i in range(20)]
            (folder / "m.jsonl").write_text("".join(lines), encoding="utf-8")
            made = draft(folder, root=".")
        about = yaml.safe_load(made.card)
        if kind == "text":
            assert about["columns"][name] == "text"
        else:
            assert name not in (about["columns"] or {}) and (name in str(about["target"]) or name in str(made.unsure))


@pytest.mark.parametrize("name", ["split", "Set", "partition"])
@pytest.mark.parametrize("odd", ["trian", "holdout", "0"])
def test_a_split_with_other_words_is_not_drawn_anew(tmp_path: Path, name: str, odd: str) -> None:
    """One mistyped row among many would leave the given split out without a word."""
    splits = ["train"] * 20 + ["test"] * 9 + [odd]
    made = table(tmp_path, {"words": [f"some words of {i}" for i in range(30)], name: splits, "label": list("ab" * 15)})
    assert said(made, "split") == name and any("has other words" in line for line in made.unsure)
    assert any(
        odd in str(p) and "is no split" in str(p) for p in manifest.survey(card(tmp_path, made), tmp_path).problems
    )


def test_a_column_of_other_sets_is_no_split(tmp_path: Path) -> None:
    made = table(
        tmp_path,
        {"words": [f"some words of {i}" for i in range(30)], "set": list("xyz" * 10), "label": list("ab" * 15)},
    )
    assert "split" not in yaml.safe_load(made.card)


@pytest.mark.parametrize("torn", [True, False])
def test_a_group_that_stands_in_several_given_splits_is_none(tmp_path: Path, torn: bool) -> None:
    """Whoever drew those splits let samples of one speaker part, so `check` would call the data wrong."""
    splits = [("train", "train", "dev", "test")[i % 4] for i in range(40)]
    speakers = [f"person {i % 5 if torn else i % 4}" for i in range(40)]
    columns = {"words": [f"some words of {i}" for i in range(40)], "speaker": speakers, "split": splits}
    made = table(tmp_path, {**columns, "label": [("a", "b", "c")[i % 3] for i in range(40)]})
    asked = [line for line in made.unsure if "in several of the given splits" in line]
    assert ("group" in yaml.safe_load(made.card)) != torn
    assert bool(asked) == torn and ("# group: speaker" in made.card) == torn
    assert not any("same group" in str(p) for p in manifest.survey(card(tmp_path, made), tmp_path).problems)
