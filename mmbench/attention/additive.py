"""Additive attention: a small network scores every pair of query and key."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from mmbench import masked
from mmbench.registry import variant
from mmbench.types import Attention


@torch.library.custom_op("mmbench::additive_scores", mutates_args=())
def additive_scores(query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor) -> Tensor:
    """sum_a u_a tanh(query_a + key_a): (B, H, N, a), (B, H, M, a), (H, a) -> (B, H, N, M).

    One hidden unit at a time, forward and again backward, so that (B, H, N, M, a) is never held. The loop is over the
    few hidden units.
    """
    hidden = query_BHNa.new_empty(*query_BHNa.shape[:3], key_BHMa.shape[2])
    scores = torch.zeros_like(hidden)
    for a in range(u_Ha.shape[1]):
        torch.add(query_BHNa[..., a, None], key_BHMa[:, :, None, :, a], out=hidden)
        scores.addcmul_(hidden.tanh_(), u_Ha[:, a, None, None])
    return scores


@additive_scores.register_fake
def _(query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor) -> Tensor:
    return query_BHNa.new_empty(*query_BHNa.shape[:3], key_BHMa.shape[2])


@torch.library.custom_op("mmbench::additive_scores_backward", mutates_args=())
def additive_scores_backward(
    grad_BHNM: Tensor, query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `additive_scores` for query, key and u; the hidden units are computed again."""
    d_query, d_key, d_u = (torch.empty_like(x) for x in (query_BHNa, key_BHMa, u_Ha))
    hidden = torch.empty_like(grad_BHNM)
    for a in range(u_Ha.shape[1]):
        torch.add(query_BHNa[..., a, None], key_BHMa[:, :, None, :, a], out=hidden)
        hidden.tanh_()
        # As matrix products, which copy nothing.
        d_u[:, a] = (grad_BHNM.flatten(2)[:, :, None] @ hidden.flatten(2)[..., None]).sum(0)[:, 0, 0]
        # 1 - tanh^2, times what comes from above, in the same memory.
        hidden.square_().neg_().add_(1).mul_(grad_BHNM)
        d_query[..., a] = hidden.sum(3) * u_Ha[:, a, None]
        d_key[..., a] = hidden.sum(2) * u_Ha[:, a, None]
    return d_query, d_key, d_u


@additive_scores_backward.register_fake
def _(grad: Tensor, query: Tensor, key: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(u)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad_BHNM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return additive_scores_backward(grad_BHNM, *ctx.saved_tensors)


additive_scores.register_autograd(_backward, setup_context=_keep)


@register_flop_formula(torch.ops.mmbench.additive_scores)
def _flops(query_shape: Any, key_shape: Any, u_shape: Any, **rest: Any) -> int:
    """2 per multiply-add of the sum over hidden units; the tanh, as all elementwise work, is not counted."""
    batch, heads, queries, hidden = query_shape
    return 2 * batch * heads * queries * int(key_shape[2]) * hidden


@variant("additive", source="Bahdanau et al. 2015, Neural Machine Translation by Jointly Learning to Align", core=True)
class Additive(Attention):
    """Additive attention: score_nm = u^T tanh(W_q q_n + W_k k_m), y = softmax(score) v.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M a) time with a = `score_dim` hidden units a
    head, O(N M) memory: hidden units are gone through one at a time. Each head owns W_q and W_k (d, a) and u (a).
    Deviation: several heads, as in the mechanisms it is compared with; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, score_dim: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        bound = 1 / math.sqrt(head_dim)
        self.w_query = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.w_key = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.u = nn.Parameter(torch.empty(heads, score_dim).uniform_(-1, 1))

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        assert q_BHNd is not None and k_BHMd is not None
        query, key = q_BHNd @ self.w_query, k_BHMd @ self.w_key
        scores = additive_scores(query, key, self.u.to(query.dtype))
        weights = masked.softmax(scores, kv_mask_BM)
        return weights @ v_BHMd, weights if need_weights else None
