"""What was found out about source before, in the user's cache folder, keyed by content, so that it is never stale.

The file is a checksum and JSON. It may be deleted at any time. One that cannot be read, is broken, or was written by
another version of mmbench or Python counts as empty; where the folder cannot be written, nothing is kept and all is
found out again.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mmbench import atomic

VARIABLE = "MMBENCH_SOURCE_CACHE"
"""Names another folder; empty: nothing is kept."""
MOST = 4000
"""Entries of a section; when there are more, those that this process did not ask for go."""
_SCRATCH = ".writing."


def _folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    from platformdirs import user_cache_dir

    try:
        return Path(user_cache_dir("mmbench", appauthor=False))
    except (OSError, RuntimeError, KeyError):  # no home
        return None


@cache
def _version() -> str:
    """Of the code that fills the entries: they are of another version where it has changed."""
    here = Path(__file__).parent
    parts = [file.read_bytes() for file in sorted(here.glob("*.py"))]
    return hashlib.sha256(b"\0".join([sys.version.encode(), *parts])).hexdigest()[:16]


class Kept:
    """Sections of key -> JSON value. `get` and `put` work in memory; `save` writes what is new."""

    def __init__(self, folder: Path | None) -> None:
        self.file = None if folder is None else folder / f"source-{_version()}.json"
        self.sections = self._read()
        self.used: set[tuple[str, str]] = set()
        self.new: set[tuple[str, str]] = set()

    def _read(self) -> dict[str, dict[str, Any]]:
        if self.file is None:
            return {}
        try:
            checksum, content = self.file.read_bytes().split(b"\n", 1)
            return json.loads(content) if checksum.decode() == hashlib.sha256(content).hexdigest() else {}
        except (OSError, ValueError, RecursionError):
            return {}

    def get(self, section: str, key: str) -> Any:
        """The value, or None where there is none."""
        self.used.add((section, key))
        return self.sections.get(section, {}).get(key)

    def put(self, section: str, key: str, value: Any) -> None:
        self.sections.setdefault(section, {})[key] = value
        self.new.add((section, key))

    def save(self) -> None:
        """Write what is new, with what other processes have written meanwhile. A folder that cannot be written is no
        error."""
        if self.file is None or not self.new:
            return
        sections = self._read()
        for section, key in self.new:
            sections.setdefault(section, {})[key] = self.sections[section][key]
        for section, entries in sections.items():
            if len(entries) > MOST:
                sections[section] = {k: v for k, v in entries.items() if (section, k) in self.used | self.new}
        content = json.dumps(sections).encode()
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            whole = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
            atomic.write(self.file, whole, prefix=_SCRATCH, mode=0o600)
        self.new.clear()


@cache
def process_cache() -> Kept:
    """Of this process. It is saved when the process ends."""
    found = Kept(_folder())
    atexit.register(found.save)
    return found
