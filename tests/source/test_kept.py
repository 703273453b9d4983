"""What was read of source is kept by content; a broken cache, or none, costs time and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.source import kept
from mmbench.source.kept import Kept

CODE = """
from mmbench.registry import AXES, variants
from mmbench.source.modules import digest
print({axis: list(variants(axis)) for axis in AXES}, digest(["mmbench.fusion.concat"]))
"""


def ask(folder: Path | str) -> str:
    env = os.environ | {kept.VARIABLE: str(folder)}
    return subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_answers_are_the_same_without_a_cache_with_a_new_one_and_with_an_old_one(tmp_path: Path) -> None:
    assert ask("") == ask(tmp_path / "cache") == ask(tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [lambda b: b[: len(b) // 2], lambda b: b.replace(b'"digest"', b'"digestt"'), lambda b: b""]
)
def test_a_broken_cache_is_made_again(tmp_path: Path, change: object) -> None:
    expected = ask(tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(change(whole))  # type: ignore[operator]
    assert ask(tmp_path) == expected
    assert Kept(tmp_path).sections.keys() == {"files"}


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert ask(tmp_path / "file" / "cache") == ask("")


def test_two_processes_that_write_at_once_lose_nothing_that_was_there(tmp_path: Path) -> None:
    one, two = Kept(tmp_path), Kept(tmp_path)
    one.put("files", "a", 1)
    two.put("files", "b", 2)
    one.save()
    two.save()
    assert Kept(tmp_path).sections == {"files": {"a": 1, "b": 2}}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_large_section_keeps_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    one = Kept(tmp_path)
    for key in "abc":
        one.put("files", key, 1)
    one.save()
    two = Kept(tmp_path)
    assert two.get("files", "b") == 1
    two.put("files", "d", 1)
    two.save()
    assert Kept(tmp_path).sections == {"files": {"b": 1, "d": 1}}
