"""Opening a page in the browser of whoever sits at this machine, where there is one."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from contextlib import suppress

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Environment variables that say where a browser can show itself, or which one to use."""


def can_show() -> bool:
    """Whether a browser would have a window. Without one, Python may start a browser of the terminal, which would take
    the terminal from us."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in DISPLAYS)


def open_page(url: str) -> None:
    """Open it, if that is possible; never an exception, and never a wait: a browser may stay until it is closed."""
    if not can_show():
        return

    def show() -> None:
        with suppress(webbrowser.Error, OSError, ValueError):
            webbrowser.open(url)

    threading.Thread(target=show, name="browser", daemon=True).start()
