"""Sliding window with global tokens, in blocks: linear in the number of tokens."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from mmbench import masked
from mmbench.registry import variant
from mmbench.types import Attention


def _order(mask_BL: Tensor) -> Tensor:
    """Indices (B, L) that bring the real tokens to the front and keep their order."""
    return torch.argsort(~mask_BL, dim=-1, stable=True)


def _take(x_BHLd: Tensor, index_BL: Tensor) -> Tensor:
    return x_BHLd.gather(2, index_BL[:, None, :, None].expand(-1, x_BHLd.shape[1], -1, x_BHLd.shape[3]))


@variant("local", source="Beltagy et al. 2020, Longformer; Zaheer et al. 2020, Big Bird (block window)")
class Local(Attention):
    """Sliding window plus global tokens: y = softmax(q k^T / sqrt(d)) v over the keys that a query sees.

    Real queries and real keys are cut, in order, into the same number G of blocks of at most `window` tokens, G =
    ceil(max(real queries, real keys) / window), so that across modalities the window follows relative position. A query
    sees its own block, the two beside it and the first `global_tokens` keys; the first `global_tokens` queries, so also
    a read-out's single query, see every key. With window >= N, M it is exact. Shapes: q (B, H, N, d), k and v (B, H, M,
    d) -> y (B, H, N, d). O((N + M) window d) time, no (N, M) matrix. No parameters of its own. Deviations: the window
    moves by blocks (as in Big Bird's code), no random blocks; where no token is real, y is 0.
    """

    ordered = True
    places_queries = True

    def __init__(
        self,
        heads: int,
        head_dim: int,
        *,
        window: Annotated[int, Field(gt=0)] = 4,
        global_tokens: Annotated[int, Field(gt=0)] = 1,
    ) -> None:
        super().__init__(heads, head_dim)
        self.window = window
        self.global_tokens = global_tokens

    def visible(self, q_mask_BN: Tensor, kv_mask_BM: Tensor) -> Tensor:
        """Which keys a query sees, (B, N, M): the definition, also where the mechanism itself never forms it."""
        q_rank, queries = masked.ranks(q_mask_BN)
        k_rank, keys = masked.ranks(kv_mask_BM)
        blocks = -(-torch.maximum(queries, keys) // self.window)
        q_block = q_rank * blocks // queries.clamp(min=1)
        k_block = k_rank * blocks // keys.clamp(min=1)
        near = (q_block[:, :, None] - k_block[:, None, :]).abs() <= 1
        near = near | (q_rank < self.global_tokens)[:, :, None] | (k_rank < self.global_tokens)[:, None, :]
        return near & kv_mask_BM[:, None, :]

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
        q_mask_BN: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        assert q_BHNd is not None and k_BHMd is not None
        if q_mask_BN is None:
            q_mask_BN = kv_mask_BM.new_ones(len(q_BHNd), q_BHNd.shape[2])
        if need_weights or max(q_BHNd.shape[2], k_BHMd.shape[2]) <= 4 * self.window:
            return self._by_definition(q_BHNd, k_BHMd, v_BHMd, kv_mask_BM, q_mask_BN, need_weights)
        return self._by_blocks(q_BHNd, k_BHMd, v_BHMd, kv_mask_BM, q_mask_BN), None

    def _by_definition(
        self, q: Tensor, k: Tensor, v: Tensor, kv_mask_BM: Tensor, q_mask_BN: Tensor, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Quicker than blocks where there are few of them."""
        visible = self.visible(q_mask_BN, kv_mask_BM)
        some = visible.any(-1, keepdim=True)
        scores = q @ k.mT * self.head_dim**-0.5
        weights = torch.softmax(scores.masked_fill(~(visible | ~some)[:, None], -torch.inf), -1)
        weights = weights * some[:, None].to(weights.dtype)
        return weights @ v, weights if need_weights else None

    def _by_blocks(self, q: Tensor, k: Tensor, v: Tensor, kv_mask_BM: Tensor, q_mask_BN: Tensor) -> Tensor:
        batch, heads, queries, d = q.shape
        w, most = self.window, max(queries, k.shape[2])
        count = -(-most // w)
        block_G = torch.arange(count + 1, device=q.device)
        _, real_queries = masked.ranks(q_mask_BN)
        _, real_keys = masked.ranks(kv_mask_BM)
        used = (-(-torch.maximum(real_queries, real_keys) // w)).clamp(min=1)

        def table(mask_BL: Tensor, real_B1: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            """Index, rank and validity (B, G w) of the tokens in every block, and the order of all (B, L)."""
            first_BG = -(-block_G * real_B1 // used)
            rank = first_BG[:, :-1, None] + torch.arange(w, device=q.device)
            valid = (rank < first_BG[:, 1:, None]) & (rank < real_B1[:, :, None])
            order = _order(mask_BL)
            rank = rank.flatten(1).clamp(max=order.shape[1] - 1)
            return order.gather(1, rank), rank, valid.flatten(1), order

        q_index, _, _, q_order = table(q_mask_BN, real_queries)
        k_index, k_rank, k_valid, k_order = table(kv_mask_BM, real_keys)
        blocks = (batch, heads, count, w, d)
        query = _take(q, q_index).view(blocks)

        def beside(x: Tensor) -> Tensor:
            """(..., G, w, ...) -> (..., G, 3 w, ...): every block between its neighbours. Blocks lie on axis -3."""
            padded = torch.nn.functional.pad(x, (0, 0, 0, 0, 1, 1))
            return torch.cat([padded[..., i : i + count, :, :] for i in range(3)], dim=-2)

        key, value = (beside(_take(x, k_index).view(blocks)) for x in (k, v))
        few = min(self.global_tokens, k.shape[2])
        front = k_order[:, :few]
        seen_global = torch.arange(few, device=q.device) < real_keys
        seen_block = (k_valid & (k_rank >= few)).view(batch, count, w, 1)
        seen = torch.cat([beside(seen_block)[..., 0], seen_global[:, None].expand(-1, count, -1)], dim=-1)
        key, value = (
            torch.cat([x, _take(whole, front)[:, :, None].expand(-1, -1, count, -1, -1)], dim=-2)
            for x, whole in ((key, k), (value, v))
        )
        scores = query @ key.mT * self.head_dim**-0.5
        seen = (seen | ~seen.any(-1, keepdim=True))[:, None, :, None]
        y = torch.softmax(scores.masked_fill(~seen, -torch.inf), -1) @ value

        # Back from blocks to the order in which the queries came.
        q_rank, _ = masked.ranks(q_mask_BN)
        q_block = (q_rank * used // real_queries.clamp(min=1)).clamp(max=count - 1)
        place = q_block * w + q_rank - -(-q_block * real_queries // used)
        y = _take(y.view(batch, heads, count * w, d), place.clamp(0, count * w - 1))
        asks = q_order[:, : min(self.global_tokens, queries)]
        told, _ = masked.softmax_attention(_take(q, asks), k, v, kv_mask_BM)
        y = y.scatter(2, asks[:, None, :, None].expand(-1, heads, -1, d), told.to(y.dtype))
        return y * kv_mask_BM.any(-1)[:, None, None, None].to(y.dtype)
