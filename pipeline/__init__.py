"""DVC stages: parameters in, one call of mmbench, outputs out."""

from __future__ import annotations

import sys
from types import TracebackType


def _told_once(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a stage is still importing is no fault to be traced."""
    if issubclass(kind, KeyboardInterrupt):
        print("stopped; the next `dvc repro` goes on from here", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _told_once
