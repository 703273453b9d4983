"""Additive attention: a small network scores every pair of query and key."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

AT_ONCE = 2**16
"""Hidden units of all pairs that may be held at once. Few operations on all of them are quicker than many on each."""


def scores_of(query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor) -> Tensor:
    """sum_a u_a tanh(query_a + key_a), (B, H, N, M): at once where that is little, else one hidden unit at a time."""
    batch, heads, queries, units = query_BHNa.shape
    if batch * heads * queries * key_BHMa.shape[2] * units > AT_ONCE:
        scores = _Stacked.apply if masking.is_stacked() else additive_scores
        return scores(query_BHNa, key_BHMa, u_Ha)
    hidden_BHNMa = torch.tanh(query_BHNa[:, :, :, None] + key_BHMa[:, :, None])
    return (hidden_BHNMa @ u_Ha[:, None, :, None])[..., 0]


def _by_unit(x_BHLa: Tensor) -> Tensor:
    """(a, H, B, L) in memory: what one hidden unit needs lies together."""
    return x_BHLa.permute(3, 1, 0, 2).contiguous()


@torch.library.custom_op("mmbench::additive_scores", mutates_args=())
def additive_scores(query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor) -> Tensor:
    """sum_a u_a tanh(query_a + key_a): (B, H, N, a), (B, H, M, a), (H, a) -> (B, H, N, M).

    One hidden unit at a time, forward and again backward, so that (B, H, N, M, a) is never held. The loop is over the
    few hidden units.
    """
    query_aHBN1, key_aHB1M = _by_unit(query_BHNa)[..., None], _by_unit(key_BHMa)[..., None, :]
    u_aH111 = u_Ha.T[..., None, None, None]
    hidden_HBNM = query_BHNa.new_empty(*query_aHBN1.shape[1:4], key_BHMa.shape[2])
    scores_HBNM = torch.zeros_like(hidden_HBNM)
    for query_HBN1, key_HB1M, u_H111 in zip(query_aHBN1.unbind(), key_aHB1M.unbind(), u_aH111.unbind(), strict=True):
        torch.add(query_HBN1, key_HB1M, out=hidden_HBNM)
        scores_HBNM.addcmul_(hidden_HBNM.tanh_(), u_H111)
    return scores_HBNM.transpose(0, 1)


@additive_scores.register_fake
def _(query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor) -> Tensor:
    batch, heads, queries, _ = query_BHNa.shape
    return query_BHNa.new_empty(heads, batch, queries, key_BHMa.shape[2]).transpose(0, 1)


@torch.library.custom_op("mmbench::additive_scores_backward", mutates_args=())
def additive_scores_backward(
    grad_BHNM: Tensor, query_BHNa: Tensor, key_BHMa: Tensor, u_Ha: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `additive_scores` for query, key and u; the hidden units are computed again."""
    query_aHBN, key_aHBM = _by_unit(query_BHNa), _by_unit(key_BHMa)
    d_query_aHBN, d_key_aHBM = torch.empty_like(query_aHBN), torch.empty_like(key_aHBM)
    d_u_aH = u_Ha.new_empty(u_Ha.shape[1], u_Ha.shape[0])
    grad_HBNM = grad_BHNM.transpose(0, 1).contiguous()
    hidden_HBNM, d_sum_HBNM = torch.empty_like(grad_HBNM), torch.empty_like(grad_HBNM)
    # Views, made once and not for every unit.
    grad_H1S, hidden_HS1 = grad_HBNM.flatten(1)[:, None], hidden_HBNM.flatten(1)[..., None]
    d_sum_SM, ones_M = d_sum_HBNM.flatten(0, 2), u_Ha.new_ones(key_BHMa.shape[2])
    units = (
        query_aHBN[..., None],
        key_aHBM[..., None, :],
        d_query_aHBN.flatten(1),
        d_key_aHBM,
        d_u_aH[..., None, None],
    )
    for query_HBN1, key_HB1M, d_query_S, d_key_HBM, d_u_H11 in zip(*(x.unbind() for x in units), strict=True):
        torch.add(query_HBN1, key_HB1M, out=hidden_HBNM).tanh_()
        # As a matrix product, which needs no memory for what is summed.
        torch.bmm(grad_H1S, hidden_HS1, out=d_u_H11)
        # (1 - tanh^2) times what comes from above, in one pass.
        torch.ops.aten.tanh_backward.grad_input(grad_HBNM, hidden_HBNM, grad_input=d_sum_HBNM)
        # A sum over the last axis, which is short, as a product: several times as fast on a CPU.
        torch.mv(d_sum_SM, ones_M, out=d_query_S)
        torch.sum(d_sum_HBNM, 2, out=d_key_HBM)
    u_aH11 = u_Ha.T[..., None, None]
    return d_query_aHBN.mul_(u_aH11).permute(2, 1, 3, 0), d_key_aHBM.mul_(u_aH11).permute(2, 1, 3, 0), d_u_aH.T


@additive_scores_backward.register_fake
def _(grad: Tensor, query: Tensor, key: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    d_query, d_key = (_by_unit(x).permute(2, 1, 3, 0) for x in (query, key))
    return d_query, d_key, torch.empty_like(u.T, memory_format=torch.contiguous_format).T


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad_BHNM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return additive_scores_backward(grad_BHNM, *ctx.saved_tensors)


additive_scores.register_autograd(_backward, setup_context=_keep)


def _as_heads(x: Tensor, axis: int | None, models: int) -> Tensor:
    """(B, H, L, a) of each model (of all where `axis` is None) -> (B, models H, L, a): a model is more heads."""
    x_PBHLa = x.expand(models, *x.shape) if axis is None else x.movedim(axis, 0)
    return x_PBHLa.transpose(0, 1).flatten(1, 2)


def _as_models(x_BHLa: Tensor, models: int) -> Tensor:
    """The reverse: (models, B, H, L, a)."""
    return x_BHLa.unflatten(1, (models, -1)).transpose(0, 1)


def _units(u: Tensor, axis: int | None, models: int) -> Tensor:
    """(H, a) of each model -> (models H, a)."""
    return (u.expand(models, *u.shape) if axis is None else u.movedim(axis, 0)).flatten(0, 1)


class _Gradients(torch.autograd.Function):
    """`additive_scores_backward` for many models at once."""

    @staticmethod
    def forward(grad: Tensor, query: Tensor, key: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return additive_scores_backward(grad, query, key, u)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        """Nothing is kept: there are no second derivatives."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], *given: Tensor
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[int, int, int]]:
        models = info.batch_size
        *pairs, u = (f(x, axis, models) for f, x, axis in zip((*3 * (_as_heads,), _units), given, in_dims, strict=True))
        d_query, d_key, d_u = _Gradients.apply(*pairs, u)
        return (_as_models(d_query, models), _as_models(d_key, models), d_u.unflatten(0, (models, -1))), (0, 0, 0)


class _Stacked(torch.autograd.Function):
    """`additive_scores` for many models at once: `torch.func` takes no gradient of a custom operator."""

    @staticmethod
    def forward(query: Tensor, key: Tensor, u: Tensor) -> Tensor:
        return additive_scores(query, key, u)

    setup_context = staticmethod(_keep)

    @staticmethod
    def backward(ctx: Any, grad_BHNM: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return _Gradients.apply(grad_BHNM, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *given: Tensor) -> tuple[Tensor, int]:
        models = info.batch_size
        query, key, u = (
            f(x, axis, models) for f, x, axis in zip((_as_heads, _as_heads, _units), given, in_dims, strict=True)
        )
        return _as_models(_Stacked.apply(query, key, u), models), 0


@register_flop_formula(torch.ops.mmbench.additive_scores)
def _flops(query_shape: Any, key_shape: Any, u_shape: Any, **rest: Any) -> int:
    """2 per multiply-add of the sum over hidden units; the tanh, as all elementwise work, is not counted."""
    batch, heads, queries, hidden = query_shape
    return 2 * batch * heads * queries * int(key_shape[2]) * hidden


@variant("additive", source="Bahdanau et al. 2015, Neural Machine Translation by Jointly Learning to Align", core=True)
class Additive(Attention):
    """Additive attention: score_nm = u^T tanh(W_q q_n + W_k k_m), y = softmax(score) v.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M a) time with a = `score_dim` hidden units a
    head, O(N M) memory: where streams are long, hidden units are gone through one at a time. Each head owns W_q and W_k
    (d, a) and u (a). Deviation: several heads, as in the mechanisms it is compared with; where no token is real, y is
    0.
    """

    def __init__(self, heads: int, head_dim: int, *, score_dim: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        bound = 1 / math.sqrt(head_dim)
        self.w_query = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.w_key = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.u = nn.Parameter(torch.empty(heads, score_dim).uniform_(-1, 1))

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        query, key = heads.q @ self.w_query, heads.k @ self.w_key
        scores = scores_of(query, key, self.u.to(query.dtype))
        weights = masking.softmax(scores, heads.kv_mask)
        return weights @ heads.v, weights if need_weights else None
