"""How wide text is in print, so that a table that is written fits its column. In points, of Computer Modern, which is
wider than what journals set."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

ONE, TWO = 225.0, 455.0
"""Points of a column and of a page's text, of the narrowest of the usual two-column classes."""
PAGE_ROWS = 45
"""Lines of a table that fit a page with its caption and notes."""

_EM = {
    **dict.fromkeys("ijl.,:;'!|` ", 0.28),
    **dict.fromkeys("frst()[]-", 0.395),
    **dict.fromkeys("acegovxyzkbdhnpqu0123456789/*", 0.545),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZw&", 0.765),
    **dict.fromkeys("mMW%+=<>", 0.9),
}
_OTHER = 0.8
"""Of any other character: signs such as ±, and accents as their letters."""
_BOLD = 1.16
SIZES = {"\\footnotesize": 8.0, "\\scriptsize": 7.0}
_SMALL = {8.0: 1.0625, 7.0: 1.139}
"""Small sizes are drawn wider."""


@lru_cache(maxsize=1 << 15)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """Points. size: 8 or 7."""
    plain = (c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    em = sum(_EM.get(c, _OTHER) for c in plain)
    return em * size * _SMALL[size] * (_BOLD if bold else 1.0)
