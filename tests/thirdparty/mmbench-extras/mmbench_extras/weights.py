"""What the package's mechanisms have in common."""

from __future__ import annotations

from torch import Tensor


def shares(raised_BHNM: Tensor, mask_BM: Tensor) -> Tensor:
    """Non-negative scores -> a distribution over the real tokens: (B, H, N, M). All 0 where no token is real."""
    # The constant keeps the sum away from 0 where all scores vanish.
    kept = (raised_BHNM + 1e-6) * mask_BM[:, None, None].to(raised_BHNM.dtype)
    total = kept.sum(-1, keepdim=True)
    return kept / total.masked_fill(total == 0, 1.0)
