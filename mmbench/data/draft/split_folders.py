"""Folders of which each has the files of one split, as columns of a table: its rows may be counted anew in every split.

The clip `dia0_utt3.mp4` lies in `train_splits` and in `dev_splits_complete`, and is another one there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from mmbench.data.draft.join_files import WORD, splits_of
from mmbench.data.table.manifest import SPLITS
from mmbench.data.table.rows import Rows


def columns(table: Rows, files: Sequence[str]) -> dict[str, list[str | None]]:
    """By name, what the folders of a row's split are called, and the word in them that says the split; without what
    tells no splits apart, or would be one of several."""
    said = splits_of(table)
    if not any(said):
        return {}
    folders: dict[str, set[str]] = {}
    words: dict[str, set[str]] = {}
    for folder in {part for file in files for part in PurePosixPath(file).parts[:-1]}:
        own = [word for word in WORD.split(folder) if word.casefold() in SPLITS]
        if len(own) == 1:
            split = SPLITS[own[0].casefold()]
            folders.setdefault(split, set()).add(folder)
            words.setdefault(split, set()).add(own[0])
    made: dict[str, list[str | None]] = {}
    for name, names in (("split_folder", folders), ("split_word", words)):
        known = {split: min(own) for split, own in names.items() if len(own) == 1}
        values = [known.get(split or "") for split in said]
        if len(set(values) - {None}) > 1:
            made[next(n for n in (name, *(f"{name}_{i}" for i in range(2, 99))) if n not in table.columns)] = values
    return made
