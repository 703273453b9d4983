"""A small process beside a sweep: when the sweep is killed outright, it ends what Ray would leave running.

Most of Ray's processes die with the driver by themselves; its agents were seen to linger for a minute, and so could a
worker that hangs in C code. The guard also removes Ray Tune's scratch folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

MERCY_S = 2.0
"""How long the processes have to end by themselves."""

NEWS_EVERY_S = 10.0
"""How often the guard is told of new processes."""


class Guard:
    """The driver's end of the pipe; when it closes without a farewell, the guard acts."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._told = float("-inf")

    def tell(self) -> None:
        """Make the guard answerable for the processes that the driver has started so far, directly or not."""
        if time.monotonic() - self._told < NEWS_EVERY_S:
            return
        self._told = time.monotonic()
        own = psutil.Process()
        children = [c for c in own.children(recursive=True) if c.pid != self._process.pid]
        self._say(json.dumps([(c.pid, c.create_time()) for c in children if c.is_running()]))

    def _say(self, line: str) -> None:
        # A guard that is gone must not stop the sweep.
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def dismiss(self) -> None:
        """Tell the guard that nothing is left to do."""
        self._say("[]")
        self._say("farewell")
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()


@contextmanager
def guarded(scratch: Path) -> Iterator[Guard]:
    """Hold a guard while the body runs. `scratch`: the folder to remove if this process is killed."""
    command = [sys.executable, str(Path(__file__)), str(scratch)]
    # A session of its own: Ctrl-C in the terminal is for the sweep alone.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
    guard = Guard(process)
    try:
        yield guard
    finally:
        guard.dismiss()


def _alive(known: dict[int, float]) -> list[psutil.Process]:
    """Those of the processes that still run; a process id that was given to another one does not count."""
    found = []
    for pid, created in known.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def main() -> None:
    """Listen until the driver is gone; then end what is left of it."""
    known: dict[int, float] = {}
    for line in sys.stdin:
        if line.strip() == "farewell":
            return
        known |= dict(json.loads(line))
    end = time.monotonic() + MERCY_S
    while _alive(known) and time.monotonic() < end:
        time.sleep(0.1)
    for process in _alive(known):
        with suppress(psutil.Error):
            process.kill()
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    os.chdir("/")
    main()
