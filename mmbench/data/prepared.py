"""Prepared data on disk: `spec.json` beside one folder a split, with one .npy file an array.

Arrays of a split, each with N rows: `<modality>` (N, ...), optionally `<modality>.mask` (N, T) bool and
`<modality>.evidence` (N, L) bool (the tokens that carry the label), and `label`: classes (N,) int64, labels (N, L) of 0
and 1, or numbers (N, K) float32. They are written and read through memory maps, so a data set may be larger than
memory. A .npy file holds numbers only: nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
import psutil

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec, load_spec

SPLITS = ("train", "validation", "test")
BESIDE = ("spec.json", "decoders.json")
"""What lies beside the splits: the description, and how raw rows were read (`mmbench.data.prepare.readers`)."""

Arrays = Mapping[str, np.ndarray]


def content_hash(spec: DataSpec, folder: Path) -> str:
    """SHA-256 over the description (without its hash) and every array in `folder`, in a fixed order."""
    digest = hashlib.sha256()
    description = spec.model_dump(mode="json", exclude={"hash"})
    digest.update(json.dumps(description, sort_keys=True).encode())
    for file in sorted(folder.glob("*/*.npy")):
        array = np.load(file, mmap_mode="r", allow_pickle=False)
        digest.update(f"{file.parent.name}/{file.stem} {array.dtype.str} {array.shape}".encode())
        with file.open("rb") as stream:
            stream.seek(array.offset)
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


class Writer:
    """Prepared data in the making. `with Writer(folder) as writer: … writer.finish(spec)`.

    The folder appears whole, in `finish`, or not at all; an older data set there is replaced then. What is made lies
    beside the folder of all prepared data, not in it: the sweep depends on that one. Raises UserError where nothing can
    be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._beside = folder.resolve().parent.parent
        self._prefix = f".{folder.resolve().parent.name}.{folder.name}."

    def __enter__(self) -> Writer:
        with self._explain_write_errors():
            if self.folder.is_symlink():
                raise UserError(f"{self.folder} is a link, which would be replaced; remove it")
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._sweep_up()
            scratch = tempfile.TemporaryDirectory(dir=self._beside, prefix=f"{self._prefix}{os.getpid()}.")
            self._made = Path(scratch.name) / self.folder.name
            self._made.mkdir()
        self._scratch = scratch
        return self

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """A new array of zeros (N, ...) on disk, to be written into."""
        with self._explain_write_errors():
            (self._made / split).mkdir(exist_ok=True)
            file = self._made / split / f"{name}.npy"
            made: np.ndarray = np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=shape)
            if hasattr(os, "posix_fallocate"):
                # A full disk is then told here; a write into a map would end the process without a word.
                with file.open("r+b") as stream:
                    os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
        return made

    def text(self, name: str, content: str) -> None:
        """A file beside spec.json; no part of what identifies the data."""
        assert name in BESIDE
        with self._explain_write_errors():
            (self._made / name).write_text(content, encoding="utf-8")

    def finish(self, spec: DataSpec) -> DataSpec:
        """Put the data set in its place; returns the spec with its hash.

        Raises UserError where something else lies in the folder.
        """
        spec = spec.model_copy(update={"hash": content_hash(spec, self._made)})
        text = json.dumps(spec.model_dump(mode="json"), indent=2) + "\n"
        with self._explain_write_errors():
            (self._made / "spec.json").write_text(text, encoding="utf-8")
            if self.folder.is_dir() and any(self.folder.iterdir()):
                self._make_sure()
            shutil.rmtree(self.folder, ignore_errors=True)
            self._made.replace(self.folder)
        return spec

    def _make_sure(self) -> None:
        """Raises UserError unless what is to be replaced is a prepared data set, as far as can be seen."""
        found = {file.name for file in self.folder.iterdir()}
        try:
            ours = {"name", "modalities", "hash"} <= json.loads((self.folder / "spec.json").read_bytes()).keys()
        except (OSError, ValueError, AttributeError):
            ours = False
        if not ours and not found <= {*SPLITS, *BESIDE}:
            raise UserError(f"{self.folder} holds something else than a prepared data set; move it away")

    def _sweep_up(self) -> None:
        """Remove what killed processes of this machine have left."""
        for left in self._beside.glob(f"{self._prefix}*"):
            pid = left.name.removeprefix(self._prefix).partition(".")[0]
            if pid.isdecimal() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _explain_write_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written: {error.strerror or error}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.cleanup()


def save(folder: Path, spec: DataSpec, splits: Mapping[str, Arrays]) -> DataSpec:
    """Write a data set that lies in memory. Returns the spec with its hash. Raises as `Writer.finish`."""
    with Writer(folder) as writer:
        for split, arrays in splits.items():
            for name, array in arrays.items():
                writer.array(split, name, array.shape, array.dtype.str)[...] = array
        return writer.finish(spec)


def load_arrays(folder: Path, split: str) -> dict[str, np.ndarray]:
    """The arrays of one split, memory-mapped and read-only. Raises UserError where a file is missing or broken."""
    remedy = f"run `dvc repro -f prepare@{folder.name}`"
    found = {}
    for file in sorted((folder / split).glob("*.npy")):
        try:
            found[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{file} cannot be read ({error}); {remedy}") from None
    if "label" not in found:
        raise UserError(f"{folder / split / 'label.npy'} is missing; {remedy}")
    return found


def load_prepared(folder: Path) -> tuple[DataSpec, dict[str, dict[str, np.ndarray]]]:
    """The spec and the arrays of every split, checked against the hash that identifies the trials on them.

    Raises UserError where a file is missing or broken, or where arrays and spec.json do not belong together.
    """
    spec = load_spec(folder)
    arrays = {split: load_arrays(folder, split) for split in SPLITS}
    if content_hash(spec, folder) != spec.hash:
        raise UserError(f"{folder} does not match the hash in its spec.json; run `dvc repro -f prepare@{folder.name}`")
    return spec, arrays
