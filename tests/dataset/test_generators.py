"""What every embedded data set promises, and what each one promises by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.batches import as_split
from mmbench.data.prepared import SPLITS, load_arrays, save
from mmbench.data.synthetic import speech
from mmbench.data.synthetic.generator import Arrays, Generator
from mmbench.dataset import synergy
from mmbench.dataset.redundant import Redundant
from mmbench.dataset.synergy import Synergy
from mmbench.dataset.unique import Unique
from mmbench.errors import UserError
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec, load_spec

SMALL = {
    "redundant": {"train": 200, "validation": 40, "test": 80},
    "unique": {"train": 200, "validation": 40, "test": 80},
    "synergy": {"train": 180, "validation": 45, "test": 90},
}


@cache
def made(name: str) -> tuple[DataSpec, dict[str, Arrays]]:
    return variants("dataset")[name].cls(**SMALL[name]).make(name)


def test_all_generators_are_found() -> None:
    generators = {name for name, v in variants("dataset").items() if issubclass(v.cls, Generator)}
    assert generators == set(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_arrays_fit_their_spec(name: str) -> None:
    spec, splits = made(name)
    assert spec.splits == SMALL[name] and set(splits) == set(SPLITS)
    for split, arrays in splits.items():
        assert arrays["label"].dtype == np.int64
        assert set(arrays["label"].tolist()) == set(range(len(spec.task.targets)))
        for modality, about in spec.modalities.items():
            values, evidence = arrays[modality], arrays[f"{modality}.evidence"]
            assert values.shape == (spec.splits[split], *about.shape)
            stem = get("stem", about.kind, where="test").cls(8, about.shape, **about.options)
            tokens, mask = stem(as_split(spec, arrays).rows(slice(None))[0][modality])
            assert evidence.dtype == np.bool_ and evidence.shape == mask.shape
            assert tokens.shape[1] >= 8
            assert not (evidence & ~mask.numpy()).any()
            if values.dtype.kind == "f":
                assert np.isfinite(values).all()
                assert abs(values.astype(float).mean()) < 1.5 and 0.3 < values.astype(float).std() < 3


@pytest.mark.parametrize("name", SMALL)
def test_saved_and_read_back(name: str, tmp_path: Path) -> None:
    spec, splits = made(name)
    saved = save(tmp_path / name, spec, splits)
    assert load_spec(tmp_path / name) == saved
    for split in SPLITS:
        read = load_arrays(tmp_path / name, split)
        assert all(np.array_equal(read[k], v) for k, v in splits[split].items())


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_same_options_give_same_bits(name: str, tmp_path: Path) -> None:
    spec, splits = made(name)
    speech.lexicon.cache_clear()
    again = variants("dataset")[name].cls(**SMALL[name]).make(name)
    other = variants("dataset")[name].cls(**SMALL[name], seed=1).make(name)
    first, second, third = (save(tmp_path / name, *x).hash for x in ((spec, splits), again, other))
    assert first == second != third


@pytest.mark.exhaustive
def test_another_process_makes_the_same_bits(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from mmbench.dataset.unique import Unique; from mmbench.data.prepared import save;"
        f"print(save(Path({str(tmp_path / 'theirs')!r}), *Unique(**{SMALL['unique']!r}).make('unique')).hash)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == save(tmp_path / "ours", *made("unique")).hash


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 100), p=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_redundant_says_the_label_but_for_the_stated_share(n: int, p: float, seed: int) -> None:
    generator = Redundant(train=4 * n, corruption={"image": p, "audio": 0.0, "text": 1.0, "video": 0.5})
    recipe = generator.recipe(4 * n, np.random.default_rng(seed))
    assert np.bincount(recipe.labels, minlength=4).tolist() == [n] * 4
    wrong = {m: int((said != recipe.labels).sum()) for m, said in recipe.says.items()}
    assert wrong == {"image": round(p * 4 * n), "audio": 0, "text": 4 * n, "video": 2 * n}
    assert all((recipe.tells[m] == (said == recipe.labels)).all() for m, said in recipe.says.items())
    assert all(said.min() >= 0 and said.max() < 4 for said in recipe.says.values())


def test_modalities_can_be_chosen() -> None:
    """What is left is as it was: the same reports in the same shares, and the ceiling of as many votes."""
    few = Redundant(train=40, modalities=["text", "image"])
    assert few.corruption == {"image": 0.2, "text": 0.3}, "in the usual order, each as reliable as ever"
    spec = few.describe("few")
    assert list(spec.modalities) == ["image", "text"] and "two reports" in spec.ceiling_why
    assert spec.description == "A digit and a number word all say the label, each wrong at times."
    assert spec.ceiling is not None and spec.ceiling < (Redundant().describe("all").ceiling or 0)
    two = Unique(modalities=["image", "audio"]).describe("two")
    assert list(two.modalities) == ["image", "audio"]
    assert two.description == "The image says the label; the other one says a number that is no clue."


@pytest.mark.parametrize("carrier", ["image", "audio", "text"])
def test_unique_is_carried_by_one_modality(carrier: str) -> None:
    generator = Unique(train=4000, carrier=carrier, corruption=0.1)
    assert generator.describe("x").carriers == (carrier,)
    recipe = generator.recipe(4000, np.random.default_rng(0))
    for modality, said in recipe.says.items():
        agreement = (said == recipe.labels).mean()
        if modality == carrier:
            assert agreement == 0.9
        else:
            assert abs(agreement - 0.25) < 0.03
            assert not recipe.tells[modality].any()


@settings(max_examples=25, deadline=None)
@given(blocks=st.integers(1, 30), p=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_synergy_is_at_chance_for_every_image_and_every_recording(blocks: int, p: float, seed: int) -> None:
    """Exact counts: each rendering occurs with 3 differing partners and 2 matching ones, which say one number."""
    rows = blocks * synergy.ROWS
    recipe = Synergy(train=rows, corruption=p).recipe(rows, np.random.default_rng(seed))
    assert recipe.index is not None
    pairs = set(zip(recipe.index["image"].tolist(), recipe.index["audio"].tolist(), strict=True))
    assert len(pairs) == rows
    for modality in ("image", "audio"):
        shown = recipe.index[modality]
        assert sorted(set(shown.tolist())) == list(range(len(recipe.says[modality])))
        for rendering in np.unique(shown):
            labels = recipe.labels[shown == rendering]
            counts = np.bincount(labels, minlength=4)
            assert counts[0] == 3 and sorted(counts[1:].tolist()) == [0, 0, 2]
    assert Synergy().describe("x").chance == 3 / 5


def test_synergy_is_told_by_both_together() -> None:
    recipe = Synergy(corruption=0.0).recipe(900, np.random.default_rng(0))
    assert recipe.index is not None
    image, audio = (recipe.says[m][recipe.index[m]] for m in ("image", "audio"))
    assert (recipe.labels == np.where(image == audio, image + 1, 0)).all()


@pytest.mark.parametrize("p", [0.0, 0.05, 0.5, 0.9])
def test_synergy_ceiling_is_what_the_best_guess_reaches(p: float) -> None:
    generator = Synergy(corruption=p)
    rows = 400 * synergy.ROWS
    recipe = generator.recipe(rows, np.random.default_rng(0))
    assert recipe.index is not None
    seen = (recipe.says["image"][recipe.index["image"]], recipe.says["audio"][recipe.index["audio"]])
    guess = generator.joint().argmax(-1)[seen]
    assert generator.joint().sum() == pytest.approx(1)
    assert (guess == recipe.labels).mean() == pytest.approx(generator.describe("x").ceiling, abs=0.015)


def test_synergy_evidence_is_silent_where_the_recording_misleads() -> None:
    recipe = Synergy(corruption=0.25).recipe(4 * synergy.ROWS, np.random.default_rng(0))
    assert recipe.tells["image"].all() and recipe.tells["audio"].sum() == 3 * synergy.ROWS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Redundant(modalities=["image"]), "modalities is ['image']; it must list at least 2 of image, audio"),
        (lambda: Redundant(modalities=["image", "adio"]), "unknown name 'adio' in modalities; did you mean 'audio'?"),
        (lambda: Unique(modalities=["image", "text"], carrier="audio"), "carrier is 'audio'"),
        (lambda: Redundant(train=-4), "train is -4; it must be a multiple of 4 of at least 4"),
        (lambda: Redundant(test=True), "test is True"),
        (lambda: Redundant(corruption=1.5), "corruption is 1.5; it must be a probability, from 0 to 1"),
        (lambda: Redundant(corruption={"imag": 0.1}), "unknown key 'imag' in corruption; did you mean 'image'?"),
        (lambda: Redundant(corruption={"image": 0.1}), "corruption.audio is missing"),
        (lambda: Unique(validation=10), "validation is 10; it must be a multiple of 4"),
        (lambda: Unique(carrier="adio"), "carrier is 'adio'; did you mean 'audio'?"),
        (lambda: Unique(corruption="much"), "corruption is 'much'"),
        (lambda: Synergy(train=100), "train is 100; it must be a multiple of 45"),
        (lambda: Synergy(seed=-1), "seed is -1"),
    ],
)
def test_bad_options_name_the_key(make, message: str) -> None:
    with pytest.raises(UserError) as error:
        make()
    assert message in str(error.value)


def test_spec_is_plain_json() -> None:
    spec, _ = made("redundant")
    assert json.loads(spec.model_dump_json())["ceiling"] == pytest.approx(0.925, abs=1e-3)
    assert spec.licence and spec.source and spec.ceiling_why
