"""DVC watches a data set whose files are outside its folder in data/raw."""

from __future__ import annotations

from pathlib import Path

from mmbench.cli.output import spinner


def watch(name: str, folder: Path, root: Path, *, again: bool = False) -> list[Path]:
    """Write dvc.yaml and the list of files next to the card, unless they are there for this root; returns what was
    written. Nothing where DVC sees the files anyway, or where the person has a dvc.yaml of their own.

    folder: of the card. again: also where they are there.
    """
    from mmbench.data.files import file_list

    folder, root, stage = folder, root.resolve(), folder / "dvc.yaml"
    here = folder.resolve()
    if root.is_relative_to(here) or here.is_relative_to(root):
        return []
    text, listed = file_list.stage(name, root), folder / file_list.FILE
    old = stage.read_text(encoding="utf-8") if stage.exists() else file_list.HEAD
    if not old.startswith(file_list.HEAD) or (old == text and listed.exists() and not again):
        return []
    stage.write_text(text, encoding="utf-8")
    with spinner("reading every file once, so that DVC sees changes"):
        file_list.write(root, listed)
    return [stage, listed]
