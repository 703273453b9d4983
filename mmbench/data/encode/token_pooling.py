"""Long token sequences, averaged to a few tokens that still say where and when."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Field:
    """Tokens as they lie. grid: (d1, ..., dk, F), k in 1..3. time: which of its axes is time, None without one.
    first: (P, F), tokens of the whole, such as BERT's or ViT's class token where it stands apart from the grid."""

    grid: Tensor
    time: int | None = None
    first: Tensor | None = None

    def until(self, share: float) -> Field:
        """The first part in time, where the rest is padding."""
        assert self.time is not None
        length = self.grid.shape[self.time]
        real = min(length, max(1, -int(-share * length // 1)))
        return Field(grid=self.grid.narrow(self.time, 0, real), time=self.time, first=self.first)

    def mean(self) -> Tensor:
        """(F,)"""
        return self.grid.flatten(0, -2).mean(0)

    def tokens(self, most: int) -> Tensor:
        """(n, F), n <= most: all tokens, or the first one of the whole and means over cells of the grid as equal as
        can be. Space is thinned before time."""
        import torch

        flat = self.grid.flatten(0, -2)
        first = flat[:0] if self.first is None else self.first
        if len(first) + len(flat) <= most:
            return torch.cat([first, flat])
        first = first[: min(1, most - 1)]
        sizes = tuple(_smaller([*self.grid.shape[:-1]], most - len(first), self.time))
        pool: Any = (
            torch.nn.functional.adaptive_avg_pool1d,
            torch.nn.functional.adaptive_avg_pool2d,
            torch.nn.functional.adaptive_avg_pool3d,
        )[len(sizes) - 1]
        thinned = pool(self.grid.movedim(-1, 0).unsqueeze(0), sizes).squeeze(0)
        return torch.cat([first, thinned.flatten(1).T])


def _smaller(sizes: list[int], most: int, time: int | None) -> list[int]:
    while prod(sizes) > most:
        space = [i for i in range(len(sizes)) if i != time and sizes[i] > 1]
        longest = max(space, key=lambda i: sizes[i]) if space else time
        assert longest is not None
        sizes[longest] -= 1
    return sizes


def rectangle(tokens: int, height: int, width: int, patch: int | None) -> tuple[int, int] | None:
    """Rows and columns of the patches of a picture of height x width pixels among so many tokens, a few of which may
    belong to the whole; by the size of a patch, else by the ratio of the sides. None where neither fits."""
    guesses = [(height // patch, width // patch)] if patch else []
    rows = isqrt(tokens * height // width)
    guesses.append((rows, rows * width // height))
    return next(((r, c) for r, c in guesses if r and c and 0 <= tokens - r * c <= MOST_FIRST), None)


MOST_FIRST = 8
"""Class, distillation and register tokens that an encoder may have."""
