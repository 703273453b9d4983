from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmbench.data.batches import as_split
from mmbench.data.prepared import Writer, content_hash, load_arrays, load_prepared, save
from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec, Modality, Normal, load_spec
from mmbench.schema.task import task_of
from tests.support import small, small_project


def prepared() -> dict[str, dict[str, np.ndarray]]:
    return {name: small.arrays(name) for name in small.SIZES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "small", small.spec(), prepared())
    return tmp_path / "small"


def test_round_trip(folder: Path) -> None:
    spec = load_spec(folder)
    assert spec == small.spec(hash=spec.hash)
    assert len(spec.hash) == 64
    assert spec.hash == content_hash(spec, folder)
    for name, arrays in prepared().items():
        stored = load_arrays(folder, name)
        assert set(stored) == set(arrays)
        assert all(np.array_equal(stored[k], v) and stored[k].dtype == v.dtype for k, v in arrays.items())
        assert all(isinstance(array, np.memmap) and not array.flags.writeable for array in stored.values())


def test_saving_again_replaces_everything_and_leaves_nothing_behind(folder: Path) -> None:
    (folder / "stale").write_text("from an earlier run")
    first = load_spec(folder)
    again = save(folder, small.spec(), prepared())
    assert again == first
    assert {f.name for f in folder.iterdir()} == {"spec.json", "train", "validation", "test"}
    assert [f.name for f in folder.parent.iterdir()] == ["small"]


def test_a_writer_that_fails_leaves_the_old_data_set(folder: Path) -> None:
    first = load_spec(folder)
    with pytest.raises(RuntimeError, match="half way"), Writer(folder) as writer:
        writer.array("train", "a", (3, 2), "float32")[...] = 1
        raise RuntimeError("half way")
    assert load_prepared(folder)[0] == first
    assert [f.name for f in folder.parent.iterdir()] == ["small"]


Splits = dict[str, dict[str, np.ndarray]]


def hash_of(tmp_path: Path, spec: DataSpec, splits: Splits) -> str:
    return save(tmp_path / "hashed", spec, splits).hash


def flipped(splits: Splits, split: str, name: str) -> Splits:
    """The same arrays but for one bit."""
    array = splits[split][name].copy()
    array.reshape(-1).view(np.uint8)[-1] ^= 1
    return {**splits, split: {**splits[split], name: array}}


@pytest.mark.parametrize("name", ["a", "a.mask", "c", "label"])
@pytest.mark.parametrize("split", small.SIZES)
def test_one_bit_changes_the_hash(tmp_path: Path, split: str, name: str) -> None:
    plain = hash_of(tmp_path, small.spec(), prepared())
    assert plain != hash_of(tmp_path, small.spec(), flipped(prepared(), split, name))


def test_shape_type_name_and_description_change_the_hash(tmp_path: Path) -> None:
    splits = prepared()
    plain = hash_of(tmp_path, small.spec(), splits)
    a = splits["test"]["a"]
    changed = [
        {**splits, "test": {**splits["test"], "a": a.reshape(-1, 3, 6)}},
        {**splits, "test": {**splits["test"], "a": a.view(np.int32)}},
        {"train": splits["train"], "validation": splits["test"], "test": splits["validation"]},
    ]
    hashes = {plain, *(hash_of(tmp_path, small.spec(), x) for x in changed)}
    hashes.add(hash_of(tmp_path, small.spec(licence="other"), splits))
    assert len(hashes) == 5
    assert hash_of(tmp_path, small.spec(hash="x"), splits) == plain, "the hash is not hashed itself"


def test_memory_layout_does_not_change_the_hash(tmp_path: Path) -> None:
    splits = prepared()
    strided = {**splits, "train": {**splits["train"], "a": np.asfortranarray(splits["train"]["a"])}}
    assert hash_of(tmp_path, small.spec(), strided) == hash_of(tmp_path, small.spec(), splits)


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "gone", "header", "pickle"])
def test_broken_arrays_are_told_with_the_remedy(folder: Path, damage: str) -> None:
    file = folder / "test" / "label.npy"
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "pickle":
        np.save(file, np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    else:
        cut = {"truncated": whole[:-100], "empty": b"", "garbage": b"\x80\x04K\x01." * 99, "header": whole[:20]}
        file.write_bytes(cut[damage])
    with pytest.raises(
        UserError, match=r"test/label\.npy (cannot be read|is missing).*run `dvc repro -f prepare@small`"
    ):
        load_prepared(folder)


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
    (folder / "spec.json").write_text(small.spec().model_dump_json().replace('"chance":0.5', '"chance":"half"'))
    with pytest.raises(UserError, match=r"spec\.json: chance is 'half': should be a valid number"):
        load_spec(folder)


def test_rows_are_what_a_model_takes() -> None:
    arrays = small.arrays("train")
    arrays |= {"a": arrays["a"].astype(np.float16), "c": arrays["c"].astype(np.uint8)}
    split = as_split(small.spec(), arrays)
    assert len(split) == small.SIZES["train"]
    inputs, _ = split.rows(slice(0, 3))
    assert [inputs[m].values.dtype for m in "abc"] == [torch.float32, torch.float32, torch.int64]
    mask = inputs["a"].mask
    assert mask is not None and mask.dtype == torch.bool
    assert inputs["b"].mask is None


def test_rows_takes_the_same_samples_of_everything() -> None:
    arrays = small.arrays("train")
    split = as_split(small.spec(), arrays)
    index = torch.tensor([5, 3, 5])
    inputs, labels = split.rows(index)
    assert torch.equal(labels, split.labels[index])
    assert np.array_equal(inputs["c"].values.numpy(), arrays["c"][index.numpy()])
    assert inputs["a"].mask is not None
    assert np.array_equal(inputs["a"].mask.numpy(), arrays["a.mask"][index.numpy()])


@pytest.mark.parametrize(("axis", "size"), [(0, 2), (1, 3)])
def test_stored_bytes_are_normalised_when_read(axis: int, size: int) -> None:
    draw = np.random.default_rng(0)
    mean, std = draw.uniform(50, 90, size), draw.uniform(1, 9, size)
    stored = draw.integers(0, 256, (7, 2, 3), dtype=np.uint8)
    normal = Normal(axis=axis, mean=tuple(mean), std=tuple(std))
    spec = small.spec(modalities={"a": Modality(kind="image", shape=(2, 3), normal=normal)})
    values = as_split(spec, {"a": stored, "label": np.zeros(7, np.int64)}).rows(slice(None))[0]["a"].values
    shape = [1, 1, 1]
    shape[1 + axis] = size
    wanted = (stored - mean.reshape(shape)) / std.reshape(shape)
    assert values.dtype == torch.float32
    assert np.allclose(values.numpy(), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "labels", "dtype"),
    [
        ("multilabel", np.eye(3, dtype=np.int64), torch.float32),
        ("regression", np.ones((3, 3), np.float64), torch.float32),
    ],
)
def test_labels_have_the_type_of_their_task(kind: Any, labels: np.ndarray, dtype: torch.dtype) -> None:
    spec = small.spec(task=task_of(kind, "xyz"), modalities={})
    assert as_split(spec, {"label": labels}).labels.dtype == dtype


def test_the_description_is_plain_json(folder: Path) -> None:
    assert DataSpec.model_validate_json((folder / "spec.json").read_text()) == load_spec(folder)


def test_arrays_that_do_not_belong_to_their_spec_are_refused(tmp_path: Path) -> None:
    from tests.support.small_project import small_data

    folder = tmp_path / "small"
    small_data(folder)
    assert load_prepared(folder)[0].name == "small"
    (folder / "train" / "left.npy").write_bytes((folder / "test" / "left.npy").read_bytes())
    with pytest.raises(UserError, match=r"does not match the hash in its spec\.json; run `dvc repro -f prepare@small`"):
        load_prepared(folder)


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    from tests.support.small_project import small_data

    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "kept.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="holds something else than a prepared data set"):
        small_data(tmp_path / "ledger")
    assert (tmp_path / "ledger" / "kept.json").exists()


@pytest.mark.parametrize("spec", [b"{}", b"[]", b"no JSON"])
def test_a_folder_with_a_spec_of_something_else_is_not_replaced(tmp_path: Path, spec: bytes) -> None:
    from tests.support.small_project import small_data

    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "spec.json").write_bytes(spec)
    (tmp_path / "own" / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else than a prepared data set"):
        small_data(tmp_path / "own")
    assert (tmp_path / "own" / "precious.txt").read_text() == "mine"


def test_a_prepared_data_set_with_a_broken_spec_is_replaced(folder: Path) -> None:
    with Writer(folder) as writer:
        writer.array("train", "label", (1,), "int64")
        writer.text("decoders.json", "{}")
        writer.finish(small.spec())
    (folder / "spec.json").write_text('{"name": ', encoding="utf-8")
    assert save(folder, small.spec(), prepared()) == load_spec(folder)


def test_what_a_killed_process_left_is_removed_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead = tmp_path / f".prepared.small.{int(gone.stdout)}.x"
    alive = tmp_path / f".prepared.small.{os.getppid()}.x"
    other = tmp_path / f".prepared.smaller.{int(gone.stdout)}.x"
    for folder in (dead, alive, other):
        folder.mkdir()
    save(tmp_path / "prepared" / "small", small.spec(), prepared())
    assert not dead.exists() and alive.exists() and other.exists()
    assert [f.name for f in (tmp_path / "prepared").iterdir()] == ["small"]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small file system: Linux, as root")
def test_a_full_disk_is_told_and_the_old_data_set_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        folder = disk / "prepared" / "small"
        first = save(folder, small.spec(), prepared())
        with (
            pytest.raises(UserError, match=r"small cannot be written: No space left on device"),
            Writer(folder) as writer,
        ):
            writer.array("train", "a", (1000, 1000), "float32")[...] = 1
        assert load_prepared(folder)[0] == first
        assert [f.name for f in disk.iterdir()] == ["prepared"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_whoever_writes_into_rows_changes_nothing_for_others(tmp_path: Path) -> None:
    small_project.make(tmp_path)
    spec, arrays = load_prepared(tmp_path / "data" / "prepared" / "small")
    split = as_split(spec, arrays["test"])
    for index in (slice(None), slice(3, 9), torch.arange(4)):
        inputs, labels = split.rows(index)
        before = [x.values.clone() for x in inputs.values()] + [labels.clone()]
        for x in inputs.values():
            x.values.add_(1.0)
        labels.add_(1)
        again, truth = split.rows(index)
        assert all(torch.equal(a, b) for a, b in zip(before, [*(x.values for x in again.values()), truth], strict=True))
