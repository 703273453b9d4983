"""The four numbers that every modality can say."""

from __future__ import annotations

DIGITS = (6, 7, 0, 9)
"""A number is stored as its place in here: even and odd digits alternate. Of all such sets, this is one that simple
classifiers tell apart best by eye and by ear, for writers and voices that they do not know; the first two best of all.
"""

WORDS = ("six", "seven", "zero", "nine")

NUMBERS = len(DIGITS)
