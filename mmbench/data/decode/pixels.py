"""How large pictures become, and into how many patches they are cut: for images and videos alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from mmbench.errors import UserError

LARGEST = 1 << 26
"""Pixels of a picture that is decoded; one that claims more is taken for a decompression bomb."""

AREA = 64 * 64
"""Pixels that a picture is reduced to where the person does not say: what small models learn from."""

LONGEST = 512
"""Pixels of a side, however long and thin pictures are."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks for; None is left open. Raises UserError where it does not fit together."""

    side: int | None
    height: int | None
    width: int | None
    patch: int | None

    def __post_init__(self) -> None:
        if self.side is not None and (self.height is not None or self.width is not None):
            raise UserError("give `side`, or `height` and `width`")
        if (self.height is None) != (self.width is None):
            raise UserError("`height` and `width` go together; `side` makes a square")
        if (
            self.size is not None
            and self.patch is not None
            and (self.size[0] % self.patch or self.size[1] % self.patch)
        ):
            raise UserError(f"{self.size[0]} x {self.size[1]} pixels are not a multiple of patch {self.patch}")

    @property
    def size(self) -> tuple[int, int] | None:
        if self.side is not None:
            return self.side, self.side
        return None if self.height is None or self.width is None else (self.height, self.width)

    def grid(self, sizes: Sequence[tuple[int, int]], patches: int) -> tuple[int, int, int]:
        """Height, width and patch, about so many patches, from the (height, width) of training pictures."""
        if self.size is not None:
            return *self.size, self.patch or _divisor(*self.size, patches)
        height, width = median_low(h for h, _ in sizes), median_low(w for _, w in sizes)
        shrink = min(1.0, math.sqrt(AREA / (height * width)))
        height, width = (min(LONGEST, max(1, round(x * shrink))) for x in (height, width))
        patch = self.patch or max(1, round(math.sqrt(height * width / patches)))
        return _multiple(height, patch), _multiple(width, patch), patch

    def why(self, sizes: Sequence[tuple[int, int]], made: tuple[int, int], patch: int) -> str:
        """For a note: how the size came about where it is not that of the training pictures."""
        height, width = median_low(h for h, _ in sizes), median_low(w for _, w in sizes)
        if self.size is not None or made == (height, width):
            return ""
        less = f"reduced to about {AREA:,} pixels, " if height * width > AREA else ""
        return f" (most are {width} x {height}: {less}in multiples of the patch of {patch}; option side)"


def _multiple(length: int, patch: int) -> int:
    return max(1, round(length / patch)) * patch


def _divisor(height: int, width: int, patches: int) -> int:
    """The patch that divides both and comes nearest to so many patches."""
    common = math.gcd(height, width)
    fitting = [p for p in range(1, common + 1) if common % p == 0]
    return min(fitting, key=lambda p: abs(math.log(height * width / p**2 / patches)))
