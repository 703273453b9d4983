"""Where the files of an encoder lie, which ones they are, and that none of them would be executed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmbench.errors import UserError, suggest

FILES = ("*.json", "*.txt", "*.model", "model.safetensors", "model-*.safetensors")
"""All that is fetched and read: settings, vocabularies, weights as plain numbers. No pickles, no code."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")

EXTRA = "a pretrained encoder needs two more packages: pip install 'huggingface-hub>=1' 'transformers>=5'"


@dataclass(frozen=True, kw_only=True)
class Files:
    """name: as asked for. label: that of the hub, or the folder's without where it lies. folder: that all parts are
    loaded from. identity: commit of the hub, or SHA-256 over the files' content."""

    name: str
    label: str
    folder: Path
    identity: str


def find(name: str, revision: str | None) -> Files:
    """The files of an encoder: of a folder, or of the Hugging Face hub (its cache, or downloaded; `HF_HOME` and
    `HF_HUB_OFFLINE` are honoured), all of one commit.

    Raises UserError where it cannot be had, or where its weights are not in safetensors files.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise UserError(f"encoder {name!r} is a folder, which has no revision; leave `revision` out")
        _check(folder, name)
        return Files(name=name, label=folder.resolve().name, folder=folder, identity=_digest(folder))
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", name):
        raise UserError(f"encoder {name!r} is neither a folder nor a name on the Hugging Face hub (`owner/name`)")
    folder = _hub(name, revision)
    _check(folder, name)
    return Files(name=name, label=name, folder=folder, identity=folder.name)


def _hub(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import constants, errors, snapshot_download
    except ImportError:
        raise UserError(EXTRA) from None
    at = f"encoder {name!r}" + (f" at revision {revision!r}" if revision else "")
    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=[*FILES], ignore_patterns=["*/*"])
    except errors.GatedRepoError:
        raise UserError(
            f"{at} is gated: accept its terms on its page on the hub, then log in with `hf auth login`"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{at} is not on the hub, or it is private{_cached(name, constants.HF_HUB_CACHE)}") from None
    except errors.RevisionNotFoundError:
        raise UserError(f"{at} is not on the hub; take a commit from its page, under Files, History") from None
    # huggingface_hub tells a failing connection in many ways; all of them are an OSError or one of its client's.
    except (OSError, ValueError, RuntimeError) as error:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else f"the hub said: {_first(error)}"
        raise UserError(
            f"{at} is not in {constants.HF_HUB_CACHE} and cannot be downloaded ({why})"
            f"{_cached(name, constants.HF_HUB_CACHE)}. On a machine with access: `hf download {name}"
            f"{f' --revision {revision}' if revision else ''}`, then copy that folder here, or name a folder as encoder"
        ) from None
    return Path(folder)


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _cached(name: str, cache: str) -> str:
    """What may have been meant, of the encoders that this machine has."""
    here = [p.name.removeprefix("models--").replace("--", "/") for p in Path(cache).glob("models--*")]
    here = sorted(set(here) - {name})
    return suggest(name, here) if here else ""


def _check(folder: Path, name: str) -> None:
    """Raises UserError unless the folder has a model whose weights are safetensors, and nothing but them."""
    if not (folder / "config.json").is_file():
        raise UserError(f"encoder {name!r}: {folder} has no config.json, so it is no model that transformers saved")
    if (folder / "adapter_config.json").exists():
        raise UserError(f"encoder {name!r} is an adapter to another model; merge it into that one and save the result")
    if "transformers_weights" in _json(folder / "config.json", name):
        raise UserError(f"encoder {name!r}: its config.json names weights of its own (`transformers_weights`)")
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return
    if index.is_file():
        shards = _json(index, name).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise UserError(f"encoder {name!r}: {index.name} names no weights")
        for shard in sorted({str(shard) for shard in shards.values()}):
            if not re.fullmatch(r"model-[\w.-]+\.safetensors", shard):
                raise UserError(
                    f"encoder {name!r}: {index.name} names {shard!r}, which is no safetensors file beside it"
                )
            if not (folder / shard).is_file():
                raise UserError(f"encoder {name!r}: {shard}, a part of its weights, is missing in {folder}")
        return
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
    if pickles:
        raise UserError(
            f"encoder {name!r} has its weights in {pickles[0]} only, a format that can execute code when it is read; "
            "choose a revision with model.safetensors, or convert it where you trust it: "
            "AutoModel.from_pretrained(...).save_pretrained(folder)"
        )
    raise UserError(f"encoder {name!r} has no model.safetensors (looked in {folder}); choose a revision that has it")


def _json(file: Path, name: str) -> dict[str, Any]:
    try:
        read = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"encoder {name!r}: {file.name} cannot be read: {_first(error)}") from None
    if not isinstance(read, dict):
        raise UserError(f"encoder {name!r}: {file.name} should be a mapping")
    return read


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in _used(folder):
        with file.open("rb") as stream:
            total.update(f"{file.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _used(folder: Path) -> Iterator[Path]:
    yield from sorted({file for pattern in FILES for file in folder.glob(pattern) if file.is_file()})
