"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench import atomic


def test_it_writes_bytes_and_text_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file"
    atomic.write(file, b"\x00\xff")
    assert file.read_bytes() == b"\x00\xff"
    atomic.write(file, "é\n")
    assert file.read_bytes() == "é\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(file.parent.iterdir()) == [file]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    atomic.write(file, "old")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(file) as stream:
        stream.write(b"half of")
        raise KeyboardInterrupt
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    atomic.write(file, "old")
    code = (
        "import pathlib, time; from mmbench import atomic\n"
        f"with atomic.replacing(pathlib.Path({str(file)!r}), prefix='.scratch-') as stream:\n"
        "    stream.write(b'half of'); stream.flush(); print('now', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "now\n"
        os.kill(process.pid, signal.SIGKILL)
    assert file.read_text() == "old"
    (left,) = tmp_path.glob(".scratch-*")
    assert left.read_text() == "half of"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        atomic.write(tmp_path / "file" / "below", "x")
