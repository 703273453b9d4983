"""What many mechanisms need of a mask: softmax over real tokens, a token's rank among them, means of slots.

Everything here depends on real tokens alone, so neither what lies in padding nor how much of it there is matters.
Shape legend: mmbench.model.interfaces; S slots.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import functional as F

_STACKED: ContextVar[bool] = ContextVar("stacked", default=False)


@contextmanager
def stacked() -> Iterator[None]:
    """Within it, models run as one program (`torch.func.vmap`): what depends on values, such as whether there is any
    padding, cannot be looked at, and attention goes by its formula, since the fused kernel has no batched form."""
    token = _STACKED.set(True)
    try:
        yield
    finally:
        _STACKED.reset(token)


def is_stacked() -> bool:
    """Whether models run as one program."""
    return _STACKED.get()


def softmax(scores_BHNM: Tensor, mask_BM: Tensor) -> Tensor:
    """Weights (B, H, N, M): softmax of the scores over real keys, 0 on padding and where no key is real."""
    if nothing_is_padding(mask_BM):
        return torch.softmax(scores_BHNM, -1)
    some_B1 = mask_BM.any(-1, keepdim=True)
    # A row without any real token would be 0/0: let it look at everything, then silence it.
    seen_B11M = (mask_BM | ~some_B1)[:, None, None, :]
    weights = torch.softmax(scores_BHNM.masked_fill(~seen_B11M, -torch.inf), -1)
    return weights * some_B1[:, :, None, None].to(weights.dtype)


def nothing_is_padding(mask_BM: Tensor) -> bool:
    """True where that is known at once: on a CPU a look at the mask is cheap, a GPU would have to wait for it."""
    return mask_BM.device.type == "cpu" and not _STACKED.get() and bool(mask_BM.all())


def softmax_attention(
    q_BHNd: Tensor,
    k_BHMd: Tensor,
    v_BHMd: Tensor,
    mask_BM: Tensor,
    *,
    scale: float | None = None,
    need_weights: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """y = softmax(scale q k^T) v over real keys, through PyTorch's fused kernel; 0 where no key is real.

    scale: 1 / sqrt(d) where None. Weights (B, H, N, M) on request, by the formula.
    """
    if need_weights or _STACKED.get():
        factor = 1 / math.sqrt(q_BHNd.shape[-1]) if scale is None else scale
        weights = softmax(q_BHNd @ k_BHMd.mT * factor, mask_BM)
        return weights @ v_BHMd, weights if need_weights else None
    if nothing_is_padding(mask_BM):
        return F.scaled_dot_product_attention(q_BHNd, k_BHMd, v_BHMd, scale=scale), None
    some_B1 = mask_BM.any(-1, keepdim=True)
    seen_B11M = (mask_BM | ~some_B1)[:, None, None, :]
    y = F.scaled_dot_product_attention(q_BHNd, k_BHMd, v_BHMd, attn_mask=seen_B11M, scale=scale)
    return y * some_B1[:, :, None, None].to(y.dtype), None


def ranks(mask_BL: Tensor) -> tuple[Tensor, Tensor]:
    """The rank (B, L) of every token among the real ones of its sample, from 0, and their number (B, 1).

    Padding gets the rank that the next real token would have.
    """
    counted = mask_BL.long()
    return counted.cumsum(-1) - counted, counted.sum(-1, keepdim=True)


def accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type to count tokens and to sum many numbers in beside numbers of `dtype`: half precision is too coarse."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def relative_positions(mask_BL: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Where a token lies among the real ones, (B, L) in (0, 1): (rank + 1/2) / number of real tokens."""
    rank, number = ranks(mask_BL)
    return (rank.to(dtype) + 0.5) / number.clamp(min=1)


def real_first(mask_BL: Tensor) -> Tensor:
    """Indices (B, L) that bring the real tokens to the front and keep their order; padding follows."""
    rank, number = ranks(mask_BL)
    index = torch.arange(mask_BL.shape[1], device=mask_BL.device).expand_as(rank)
    # Before a token stand its rank real ones, so index - rank padding ones.
    return torch.empty_like(rank).scatter_(1, torch.where(mask_BL, rank, number + index - rank), index)


def slot_members(mask_BL: Tensor, count: int) -> Tensor:
    """Which tokens lie in which slot, (B, S, L) bool: the R real ones, in order, in min(R, count) runs of equal length.

    Lengths differ by one at most. Padding lies in no slot, and slots beyond R are empty.
    """
    rank, number = ranks(mask_BL)
    slot = torch.div(rank * number.clamp(max=count), number.clamp(min=1), rounding_mode="floor")
    return (slot[:, None] == torch.arange(count, device=slot.device)[:, None]) & mask_BL[:, None]


def slot_means(x_BHLd: Tensor, member_BSL: Tensor) -> Tensor:
    """The mean of every slot's tokens, (B, H, L, d) -> (B, H, S, d); 0 for a slot without any."""
    share = member_BSL.to(x_BHLd.dtype)
    # Slots are few, so a product with the sparse matrix is quicker than scattering.
    return (share / share.sum(-1, keepdim=True).clamp(min=1))[:, None] @ x_BHLd


def mean(tokens_BLD: Tensor, mask_BL: Tensor) -> Tensor:
    """Mean of the real tokens, (B, L, D) -> (B, D); 0 where there are none."""
    real = mask_BL.to(tokens_BLD.dtype)
    return torch.einsum("bl,bld->bd", real / real.sum(-1, keepdim=True).clamp(min=1), tokens_BLD)


def kernel_attention(
    query_BHNr: Tensor, key_BHMr: Tensor, v_BHMd: Tensor, mask_BM: Tensor, *, need_weights: bool = False
) -> tuple[Tensor, Tensor | None]:
    """y_n = f_n sum_m g_m^T v_m / (f_n sum_m g_m^T) over real keys, for features f of queries and g of keys, all > 0.

    O((N + M) r d) time, no (N, M) matrix; 0 where no key is real. Weights (B, H, N, M) on request.
    """
    key = key_BHMr * mask_BM[:, None, :, None].to(key_BHMr.dtype)
    total_BHN1 = query_BHNr @ key.sum(2, keepdim=True).mT
    some_B111 = mask_BM.any(-1)[:, None, None, None]
    share = some_B111 / total_BHN1.masked_fill(~some_B111, 1.0)
    y = (query_BHNr @ (key.mT @ v_BHMd)) * share
    return y, (query_BHNr @ key.mT) * share if need_weights else None
