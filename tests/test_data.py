from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mmbench.config import DataSpec
from mmbench.data import as_split, content_hash, load_arrays, load_spec, save
from mmbench.registry import UserError
from tests import small


def prepared() -> dict[str, dict[str, Tensor]]:
    return {name: small.arrays(name) for name in small.SIZES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "small", small.spec(), prepared())
    return tmp_path / "small"


def test_round_trip(folder: Path) -> None:
    spec = load_spec(folder)
    assert spec == small.spec(hash=spec.hash)
    assert len(spec.hash) == 64
    assert spec.hash == content_hash(spec, {name: load_arrays(folder, name) for name in small.SIZES})
    for name, arrays in prepared().items():
        stored = load_arrays(folder, name)
        assert set(stored) == set(arrays)
        assert all(torch.equal(stored[k], v) and stored[k].dtype == v.dtype for k, v in arrays.items())


def test_saving_again_replaces_everything_and_leaves_nothing_behind(folder: Path) -> None:
    (folder / "stale").write_text("from an earlier run")
    first = load_spec(folder)
    again = save(folder, small.spec(), prepared())
    assert again == first
    assert {f.name for f in folder.iterdir()} == {
        "spec.json",
        "train.safetensors",
        "validation.safetensors",
        "test.safetensors",
    }
    assert [f.name for f in folder.parent.iterdir()] == ["small"]


def flipped(splits: dict[str, dict[str, Tensor]], split: str, name: str) -> dict[str, dict[str, Tensor]]:
    """The same arrays but for one bit."""
    array = splits[split][name].clone()
    array.view(-1).view(torch.uint8)[-1] ^= 1
    return {**splits, split: {**splits[split], name: array}}


@pytest.mark.parametrize("name", ["a", "a.mask", "c", "label"])
@pytest.mark.parametrize("split", small.SIZES)
def test_one_bit_changes_the_hash(split: str, name: str) -> None:
    assert content_hash(small.spec(), prepared()) != content_hash(small.spec(), flipped(prepared(), split, name))


def test_shape_type_name_and_description_change_the_hash() -> None:
    splits = prepared()
    plain = content_hash(small.spec(), splits)
    a = splits["test"]["a"]
    changed = [
        {**splits, "test": {**splits["test"], "a": a.reshape(-1, 3, 6)}},
        {**splits, "test": {**splits["test"], "a": a.view(torch.int32)}},
        {"train": splits["train"], "validation": splits["test"], "test": splits["validation"]},
    ]
    hashes = {plain, *(content_hash(small.spec(), x) for x in changed)}
    hashes.add(content_hash(small.spec(licence="other"), splits))
    assert len(hashes) == 5
    assert content_hash(small.spec(hash="x"), splits) == plain, "the hash is not hashed itself"


def test_memory_layout_does_not_change_the_hash() -> None:
    splits = prepared()
    strided = splits["train"]["a"].transpose(1, 2).contiguous().transpose(1, 2)
    assert content_hash(small.spec(), {**splits, "train": {**splits["train"], "a": strided}}) == content_hash(
        small.spec(), splits
    )


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "gone", "header"])
def test_broken_arrays_are_told_with_the_remedy(folder: Path, damage: str) -> None:
    file = folder / "test.safetensors"
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        cut = {"truncated": whole[:-100], "empty": b"", "garbage": b"\x80\x04K\x01." * 99, "header": whole[:20]}
        file.write_bytes(cut[damage])
    with pytest.raises(
        UserError, match=r"test\.safetensors cannot be read .*run `dvc repro -f prepare@small`"
    ) as caught:
        load_arrays(folder, "test")
    assert "\n" not in str(caught.value)


def test_a_missing_or_broken_description_is_told_with_the_remedy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data set 'other' is not prepared: .*run `dvc repro prepare@other`"):
        load_spec(tmp_path / "other")
    (folder / "spec.json").write_text('{"name": ')
    with pytest.raises(UserError, match=r"spec\.json is not valid JSON .*run `dvc repro -f prepare@small`"):
        load_spec(folder)
    (folder / "spec.json").write_bytes(b"\xff")
    with pytest.raises(UserError, match="is not valid JSON"):
        load_spec(folder)
    (folder / "spec.json").write_text("[]")
    with pytest.raises(UserError, match=r"spec\.json"):
        load_spec(folder)
    (folder / "spec.json").write_text(small.spec().model_dump_json().replace('"chance":0.5', '"chance":1.5'))
    with pytest.raises(UserError, match=r"spec\.json: chance is 1\.5: should be less than or equal to 1"):
        load_spec(folder)


def test_what_a_model_takes_has_its_types(tmp_path: Path) -> None:
    arrays = small.arrays("train")
    arrays |= {"a": arrays["a"].half(), "c": arrays["c"].to(torch.uint8)}
    save_file(arrays, tmp_path / "train.safetensors")
    split = as_split(small.spec(), load_arrays(tmp_path, "train"))
    assert len(split) == small.SIZES["train"]
    assert [split.inputs[m].values.dtype for m in "abc"] == [torch.float32, torch.float32, torch.int64]
    mask = split.inputs["a"].mask
    assert mask is not None and mask.dtype == torch.bool
    assert split.inputs["b"].mask is None


def test_rows_takes_the_same_samples_of_everything() -> None:
    split = as_split(small.spec(), small.arrays("train"))
    index = torch.tensor([5, 3, 5])
    inputs, labels = split.rows(index)
    assert torch.equal(labels, split.labels[index])
    assert torch.equal(inputs["c"].values, split.inputs["c"].values[index])
    assert inputs["a"].mask is not None and split.inputs["a"].mask is not None
    assert torch.equal(inputs["a"].mask, split.inputs["a"].mask[index])


def test_the_description_is_plain_json(folder: Path) -> None:
    assert DataSpec.model_validate_json((folder / "spec.json").read_text()) == load_spec(folder)


def test_arrays_that_do_not_belong_to_their_spec_are_refused(tmp_path: Path) -> None:
    from mmbench.data import load_prepared
    from tests.small_project import small_data

    folder = tmp_path / "small"
    small_data(folder)
    assert load_prepared(folder)[0].name == "small"
    (folder / "train.safetensors").write_bytes((folder / "test.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"does not match the hash in its spec\.json; run `dvc repro -f prepare@small`"):
        load_prepared(folder)


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    from tests.small_project import small_data

    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "kept.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="holds something else than a prepared data set"):
        small_data(tmp_path / "ledger")
    assert (tmp_path / "ledger" / "kept.json").exists()
