"""Splits that are drawn keep equal content and groups together; what is far from its share, or accepted, is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmbench.cli import main
from mmbench.data.files.problems import DataError
from mmbench.data.files.source import BytesSource
from mmbench.data.prepare import dataset
from mmbench.data.split.drawing import draw
from mmbench.data.split.leakage import find, judge
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Cell, Column, Table
from tests.cli.test_data import project as project
from tests.support.tables import table

CARD = SplitCard()
N = 120


def vectors(which: list[int]) -> Column:
    """A vector of its own for every number."""
    draw_from = np.random.default_rng(0).normal(size=(max(which) + 1, 12)).astype(np.float32)
    return Column(kind="vector", cells=[draw_from[i] for i in which])


def texts(which: list[int]) -> Column:
    return Column(
        kind="text", cells=[f"one two three four five six seven eight nine ten and number {i}" for i in which]
    )


def photo(seed: int, form: str = "PNG", quality: int = 90) -> bytes:
    draw_from, stream = np.random.default_rng(seed), io.BytesIO()
    rough = Image.fromarray(draw_from.integers(0, 255, (6, 6, 3), dtype=np.uint8))
    rough.resize((64, 64), Image.Resampling.BICUBIC).save(
        stream, form, **({"quality": quality} if form == "JPEG" else {})
    )
    return stream.getvalue()


def images(which: list[int]) -> Column:
    cells: list[Cell | None] = [BytesSource(f"{i}.png", photo(number)) for i, number in enumerate(which)]
    return Column(kind="image", cells=cells)


def parted(data: Table, split: np.ndarray, which: list[int]) -> int:
    """How many contents lie in several splits."""
    places: dict[int, set[str]] = {}
    for number, name in zip(which, split.tolist(), strict=True):
        places.setdefault(number, set()).add(name)
    return sum(len(found) > 1 for found in places.values())


def twice(n: int = N) -> list[int]:
    """Every content of three quarters of the samples occurs twice, far apart."""
    return [i % (n * 5 // 8) for i in range(n)]


@pytest.mark.parametrize("make", [vectors, texts, images])
@pytest.mark.parametrize("seed", range(3))
def test_equal_content_stays_together(make: object, seed: int) -> None:
    which, card = twice(), SplitCard(seed=seed)
    data = table([i % 2 for i in which], x=make(which))  # type: ignore[operator]
    assert parted(data, assign(data, card), which) > 5 and find(data, assign(data, card))
    drawn = draw(data, card)
    assert parted(data, drawn.split, which) == 0 and drawn.leaks == []
    assert any("are kept with them" in note for note in drawn.notes)
    counts = [int((drawn.split == name).sum()) for name in SPLITS]
    assert abs(counts[1] - 0.15 * N) <= 4 and abs(counts[2] - 0.15 * N) <= 4


def test_clean_data_is_split_as_before_and_nothing_is_said() -> None:
    for seed in range(5):
        data = table([0, 1, 2] * 40)
        drawn = draw(data, SplitCard(seed=seed))
        assert (drawn.split == assign(data, SplitCard(seed=seed))).all()
        assert (drawn.leaks, drawn.notes) == ([], ())


def test_whole_samples_that_say_little_each_stay_together() -> None:
    which = [i % 40 for i in range(N)]
    cells: list[Cell | None] = [np.array([i % 8.0, i // 8.0], np.float32) for i in which]
    data = table(
        [i % 2 for i in which], age=Column(kind="vector", cells=cells), q=Column(kind="text", cells=["yes?"] * N)
    )
    assert find(data, assign(data, CARD))
    drawn = draw(data, CARD)
    assert drawn.leaks == [] and parted(data, drawn.split, which) == 0


def test_what_is_accepted_is_not_kept_together() -> None:
    which = twice()
    data = table([i % 2 for i in which], x=vectors(which))
    drawn = draw(data, CARD, accept=["same content"])
    assert (drawn.split == assign(data, CARD)).all() and drawn.notes == ()
    assert len(drawn.leaks) == len(find(data, drawn.split)) > 5
    assert len(judge(drawn.leaks, ["same content"])) == len(drawn.leaks)


def test_near_duplicates_stay_together() -> None:
    first = [photo(i) for i in range(60)]
    cells: list[Cell | None] = [BytesSource(f"{i}.png", data) for i, data in enumerate(first)]
    cells += [BytesSource(f"{i}.jpg", photo(i, "JPEG")) for i in range(60)]
    data = table([i % 2 for i in range(60)] * 2, x=Column(kind="image", cells=cells))
    assert {leak.kind for leak in find(data, assign(data, CARD))} == {"near duplicate"}
    drawn = draw(data, CARD)
    assert drawn.leaks == [] and parted(data, drawn.split, [*range(60), *range(60)]) == 0


def test_groups_and_equal_content_are_kept_as_one() -> None:
    which = [i if i != 117 else 3 for i in range(N)]
    group = [f"g{i // 3}" for i in range(N)]
    labels = [i // 3 % 2 for i in range(N)]
    labels[117:] = [labels[3]] * 3
    for seed in range(12):
        data = table(labels, group=group, x=vectors(which))
        drawn = draw(data, SplitCard(seed=seed))
        assert drawn.leaks == []
        assert drawn.split[117] == drawn.split[3] and parted(data, drawn.split, [i // 3 for i in range(N)]) == 0


def test_open_samples_go_where_their_equals_are() -> None:
    which = [i % 100 for i in range(N)]
    said = ["test"] * 10 + ["train"] * 10 + [""] * 100
    drawn = draw(table([i % 2 for i in which], split=said, x=vectors(which)), CARD)
    assert drawn.split[:20].tolist() == said[:20]
    assert drawn.split[100:110].tolist() == ["test"] * 10 and drawn.split[110:].tolist() == ["train"] * 10
    assert drawn.leaks == []


def test_validation_is_cut_from_train_without_parting_equals() -> None:
    which = [i % 50 for i in range(100)] + list(range(100, 120))
    said = ["train"] * 100 + ["test"] * 20
    drawn = draw(table([i % 2 for i in which], split=said, x=vectors(which)), CARD)
    assert (drawn.split[100:] == "test").all() and drawn.leaks == []
    assert 10 <= (drawn.split == "validation").sum() <= 20


def test_given_splits_that_leak_are_an_error_still() -> None:
    which = [i % 60 for i in range(N)]
    said = ["train"] * 60 + ["test"] * 30 + ["validation"] * 30
    drawn = draw(table([i % 2 for i in which], split=said, x=vectors(which)), CARD)
    assert drawn.split.tolist() == said and len(drawn.leaks) == 60 and drawn.notes == ()
    with pytest.raises(DataError, match="60 same content"):
        judge(drawn.leaks)


@pytest.mark.parametrize("which", [[0] * 60 + list(range(1, 61)), [0] * N, [0, 1] * 60])
def test_what_cannot_be_kept_together_is_told_and_an_error(which: list[int]) -> None:
    data = table([0] * 60 + [1] * 60, x=vectors(which))
    drawn = draw(data, CARD)
    assert drawn.leaks and any("cannot be kept in one split" in note for note in drawn.notes)
    with pytest.raises(DataError, match="same content"):
        judge(drawn.leaks)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    which=st.lists(st.integers(0, 60), min_size=40, max_size=120),
    grouped=st.booleans(),
    seed=st.integers(0, 3),
)
def test_whatever_repeats_is_together_or_told(which: list[int], grouped: bool, seed: int) -> None:
    labels = [i % 2 for i in which]
    group = [f"g{i % 15}" for i in which] if grouped else None
    data = table(labels, group=group, x=vectors(which))
    try:
        drawn = draw(data, SplitCard(seed=seed))
    except DataError:
        with pytest.raises(DataError):
            assign(data, SplitCard(seed=seed))
        return
    told = any("cannot be kept" in note for note in drawn.notes)
    assert told or (drawn.leaks == [] and parted(data, drawn.split, which) == 0)
    if group is not None:
        assert parted(data, drawn.split, [i % 15 for i in which]) == 0
    assert set(drawn.split.tolist()) == set(SPLITS)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [([50, 50, 20], True), ([40] * 3, True), ([6] * 20, False), ([1] * 120, False), ([100, 10, 10], True)],
)
def test_a_share_far_from_what_was_asked_is_said(sizes: list[int], told: bool) -> None:
    group = [f"g{g}" for g, size in enumerate(sizes) for _ in range(size)]
    drawn = draw(table([i % 2 for i in range(sum(sizes))], group=group), CARD)
    said = [note for note in drawn.notes if "were asked for" in note]
    assert bool(said) == told, drawn.notes
    if told:
        counts = {name: int((drawn.split == name).sum()) for name in ("validation", "test")}
        shown = [f"{name} has {n} of the 120 samples that were split ({n / 120:.0%})" for name, n in counts.items()]
        assert all(any(s.startswith(one) for one in shown) for s in said)


def test_what_is_accepted_is_seen_with_its_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project / "data/raw/own"
    folder.mkdir(parents=True)
    rows = [f"{'the same ten words that are read again and again ' * 2}{i % 50},{'ab'[i % 2]}" for i in range(100)]
    (folder / "m.csv").write_text("\n".join(["said,y", *rows]), encoding="utf-8")
    card = {"manifest": "m.csv", "columns": {"said": "text"}, "target": {"classification": "y"}}

    def check(**more: object) -> dict[str, object]:
        (folder / "dataset.yaml").write_text(yaml.safe_dump(card | more), encoding="utf-8")
        capsys.readouterr()
        assert main(["data", "check", "own", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    kept = check()
    assert kept["leaks"] == {} and any("are kept with them" in note for note in kept["notes"])  # type: ignore[attr-defined]
    told = check(accept=["same text", "same group"])
    count = told["leaks"]["said same text"]  # type: ignore[index]
    said = [note for note in told["notes"] if "accept" in note]  # type: ignore[attr-defined]
    assert count > 5 and said == [
        f"accepted leakage: {count} samples with same text",
        "`accept: [same group]` in the card: no sample has it; the entry can go",
    ]
    assert main(["data", "check", "own"]) == 0
    assert f"note: accepted leakage: {count} samples with same text" in capsys.readouterr().out
    page = (project / "reports/data/own.html").read_text(encoding="utf-8")
    assert f"accepted leakage: {count} samples with same text" in page
    spec = dataset.prepare(dataset.read("own", project / "data/raw"), project / "prepared", progress=False)
    assert f"accepted leakage: {count} samples with same text" in spec.notes


def test_equal_samples_of_different_targets_are_told() -> None:
    which = [*range(N), 3, 5, 7]
    labels = [i % 2 for i in range(N)]
    (said,) = [n for n in draw(table([*labels, 0, 1, 0], v=vectors(which)), CARD).notes if "target" in n]
    assert said.startswith("2 samples hold the same") and "(row 121, as row 4)" in said
    for sound in (table([*labels, 1, 1, 1], v=vectors(which)), table([*labels, 0, 0, 0], v=vectors(list(range(123))))):
        assert not [n for n in draw(sound, CARD).notes if "target" in n]
    short = Column(kind="text", cells=[f"no {i % 9}" for i in range(N)])
    assert not [n for n in draw(table(labels, t=short), CARD).notes if "another target" in n]
