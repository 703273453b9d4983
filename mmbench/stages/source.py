"""Stage `source` of a project without a clone: writes data/source.txt, by which DVC sees which source is installed.

In a clone, dvc.yaml names the source files themselves.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

from mmbench.registry import AXES
from mmbench.stages import exit_code

FILE = Path("data/source.txt")


def describe() -> str:
    """One line per package: its name and SHA-256 over its Python files."""
    groups = (f"mmbench.{axis}" for axis in AXES)
    foreign = {e.module.split(".", 1)[0] for group in groups for e in importlib.metadata.entry_points(group=group)}
    return "".join(f"{name} {_digest(name)}\n" for name in ("mmbench", *sorted(foreign)))


def _digest(package: str) -> str:
    found = importlib.util.find_spec(package)
    if found is None:
        return "missing"
    folders = [Path(p) for p in found.submodule_search_locations or ()]
    files = [(file.relative_to(folder), file) for folder in folders for file in folder.rglob("*.py")]
    if not folders and found.origin is not None:
        files = [(Path(found.origin).relative_to(Path(found.origin).parent), Path(found.origin))]
    digest = hashlib.sha256()
    for name, file in sorted(files):
        digest.update(f"{name.as_posix()}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def main() -> int:
    """Run from the project's folder. Returns the exit code; problems go to stderr, one line each."""

    def stage() -> int:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(describe(), encoding="utf-8")
        return 0

    return exit_code(stage, "source")


if __name__ == "__main__":
    sys.exit(main())
