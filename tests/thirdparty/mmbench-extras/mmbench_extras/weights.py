"""What the package's mechanisms have in common."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(raised_BHNM: Tensor, mask_BM: Tensor) -> Tensor:
    """Non-negative scores -> a distribution over the real tokens: (B, H, N, M). All 0 where no token is real."""
    kept = raised_BHNM * mask_BM[:, None, None].to(raised_BHNM.dtype)
    return kept / kept.sum(-1, keepdim=True).clamp(min=torch.finfo(kept.dtype).tiny)
