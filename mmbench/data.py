"""Prepared data on disk: `spec.json` beside one safetensors file a split.

Tensors of a split, each with N rows: `<modality>` (N, ...), optionally `<modality>.mask` (N, T) bool and
`<modality>.evidence` (N, L) bool (the tokens that carry the label), and `label` (N,) int64.
safetensors holds numbers only: nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmbench.config import DataSpec, parse
from mmbench.registry import UserError
from mmbench.types import Example, Inputs

SPLITS = ("train", "validation", "test")
Arrays = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split on one device. inputs: per modality, N rows. labels: (N,) int64."""

    inputs: Inputs
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor | slice) -> tuple[Inputs, Tensor]:
        """The inputs and labels of these samples."""
        inputs = {
            name: Example(values=x.values[index], mask=None if x.mask is None else x.mask[index])
            for name, x in self.inputs.items()
        }
        return inputs, self.labels[index]


def content_hash(spec: DataSpec, splits: Mapping[str, Arrays]) -> str:
    """SHA-256 over the description (without its hash) and every array, in a fixed order."""
    digest = hashlib.sha256()
    description = spec.model_dump(mode="json", exclude={"hash"})
    digest.update(json.dumps(description, sort_keys=True).encode())
    for split in sorted(splits):
        for name in sorted(splits[split]):
            array = splits[split][name].contiguous()
            digest.update(f"{split}/{name} {array.dtype} {tuple(array.shape)}".encode())
            digest.update(array.view(-1).view(torch.uint8).numpy().data if array.numel() else b"")
    return digest.hexdigest()


def save(folder: Path, spec: DataSpec, splits: Mapping[str, Arrays]) -> DataSpec:
    """Write a prepared data set; the folder appears whole or not at all. Returns the spec with its hash.

    An older data set in `folder` is replaced. Raises UserError where something else lies there.
    """
    spec = spec.model_copy(update={"hash": content_hash(spec, splits)})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        for split, arrays in splits.items():
            save_file({k: v.contiguous() for k, v in sorted(arrays.items())}, made / f"{split}.safetensors")
        (made / "spec.json").write_text(json.dumps(spec.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "spec.json").exists():
            raise UserError(f"{folder} holds something else than a prepared data set; move it away")
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    return spec


def load_spec(folder: Path) -> DataSpec:
    """Read spec.json. Raises UserError with the remedy where it is missing or broken."""
    file = folder / "spec.json"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"data set {folder.name!r} is not prepared: {file} is missing; run `dvc repro prepare@{folder.name}`"
        ) from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file} is not valid JSON ({error}); run `dvc repro -f prepare@{folder.name}`") from None
    return parse(DataSpec, raw, file)


def load_arrays(folder: Path, split: str) -> dict[str, Tensor]:
    """The arrays of one split, as stored. Raises UserError where the file is missing or broken."""
    file = folder / f"{split}.safetensors"
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file} cannot be read ({error}); run `dvc repro -f prepare@{folder.name}`") from None


def load_prepared(folder: Path) -> tuple[DataSpec, dict[str, dict[str, Tensor]]]:
    """The spec and the arrays of every split, checked against the hash that identifies the trials on them.

    Raises UserError where a file is missing or broken, or where arrays and spec.json do not belong together.
    """
    spec = load_spec(folder)
    arrays = {split: load_arrays(folder, split) for split in SPLITS}
    if content_hash(spec, arrays) != spec.hash:
        raise UserError(f"{folder} does not match the hash in its spec.json; run `dvc repro -f prepare@{folder.name}`")
    return spec, arrays


def as_split(spec: DataSpec, arrays: Arrays, device: torch.device | str = "cpu") -> Split:
    """Stored arrays -> what a model takes: floating point as float32, identifiers as int64, on the device."""

    def move(x: Tensor) -> Tensor:
        return x.to(device, torch.float32 if x.is_floating_point() else torch.int64, non_blocking=True)

    inputs = {
        name: Example(
            values=move(arrays[name]),
            mask=arrays[f"{name}.mask"].to(device) if f"{name}.mask" in arrays else None,
        )
        for name in spec.modalities
    }
    return Split(inputs=inputs, labels=arrays["label"].to(device))
