"""files.txt: what lies in a folder outside the repository, so that DVC can see that it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from mmbench import atomic
from mmbench.data.files.walk import walk
from mmbench.errors import UserError

FILE = "files.txt"
HEAD = "# Written by `mmbench data`: when a file in the folder outside changes, `dvc repro` notices.\n"


def _entry(folder: Path, file: str) -> str:
    path = folder / file
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    # A name may hold tabs, line ends and bytes that are no text.
    name = file.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    name = name.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return f"{name}\t{size}\t{digest}\n"


def entries(folder: Path) -> Iterator[str]:
    """Relative path, size and SHA-256 of every file, a line each, parted by tabs; sorted within folders."""
    with ThreadPoolExecutor() as pool:
        yield from pool.map(lambda file: _entry(folder, file), walk(folder))


def write(folder: Path, target: Path, tell: Callable[[int], None] = lambda done: None) -> int:
    """Write the index of a folder; returns how many files it has. tell: is told how many are done."""
    count = 0
    with atomic.replacing(target) as stream:
        for line in entries(folder):
            stream.write(line.encode("utf-8"))
            count += 1
            tell(count)
    return count


def stage(name: str, folder: Path) -> str:
    """dvc.yaml beside the card: one stage that depends on the folder outside and makes the index."""
    made = {
        "stages": {
            "files": {
                "wdir": "../../..",
                "cmd": f"mmbench data index {name}",
                "deps": [folder.as_posix()],
                "outs": [{f"data/raw/{name}/{FILE}": {"cache": False}}],
            }
        }
    }
    return HEAD + yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
