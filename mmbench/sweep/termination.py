"""How a sweep is stopped: SIGTERM, which schedulers and `timeout` send, is as Ctrl-C; neither comes amid imports."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

from mmbench.sweep import orphan_guard

INTERRUPTED = 130
"""The exit code."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C is, also where a shell has made this process ignore that, as it does with jobs in the background."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """While it lasts. Only a main thread can have handlers; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """While several threads import modules, Ctrl-C and SIGTERM wait until that is over: KeyboardInterrupt in the middle
    of an import can be lost, and leave a lock behind on which every other import then hangs. The second one ends this
    process and its children at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            _end_at_once()
        asked = True
        os.write(2, b"stopping as soon as Ray has started; once more stops at once\n")

    signals = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {n: signal.signal(n, ask) for n in signals}
    try:
        yield
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
    if asked:
        raise KeyboardInterrupt


def _end_at_once() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            # It tidies up once this process is gone.
            if orphan_guard.__file__ not in child.cmdline():
                child.kill()
    os._exit(INTERRUPTED)
