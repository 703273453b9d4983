"""Drafting a card against listing the files alone: `python -m benchmarks.drafting [--files N] [--folder FOLDER]`.

Makes a folder of N small files (20,000: classes with pictures, sounds and texts, a note and files of another ending),
lists it as `find` would, drafts it as `mmbench data init` does, and looks for what `check` calls unused. Each is timed
three times, in turns, and the quickest counts. The exit code is 1 where it takes more than 3 s more than the listing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mmbench.data.draft.draft import draft
from mmbench.data.files.unlisted_files import unnamed

MOST, ROUNDS = 3.0, 3
ENDINGS = ("png", "wav", "txt", "heic")


def fill(folder: Path, count: int) -> None:
    """Four files a sample, of which three are of kinds that are read."""
    for c in range(20):
        (folder / f"class {c}").mkdir()
    for i in range(count):
        sample, ending = i // len(ENDINGS), ENDINGS[i % len(ENDINGS)]
        (folder / f"class {sample % 20}" / f"{sample:06}.{ending}").write_bytes(b"x")
    (folder / "README.txt").write_bytes(b"x")


def listed(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def quickest(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the files are made; default: a temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        fill(folder, args.files)
        named = draft(folder, root=".").named
        works = {
            "listing": lambda: listed(folder),
            "draft": lambda: draft(folder, root="."),
            "unused": lambda: unnamed(folder, named),
        }
        times = dict.fromkeys(works, float("inf"))
        for _ in range(ROUNDS):
            for what, work in works.items():
                times[what] = min(times[what], quickest(work))
        for what, seconds in times.items():
            ratio = seconds / times["listing"]
            print(f"{what}: {seconds:.3f} s for {listed(folder):,} files, {ratio:.1f} times a listing")
        more = max(times["draft"], times["unused"]) - times["listing"]
        print(f"more than a listing: {more:.3f} s, at most {MOST:g} s: {'ok' if more <= MOST else 'TOO LONG'}")
        return int(more > MOST)


if __name__ == "__main__":
    sys.exit(main())
