"""Sliding window with global tokens, in tiles: linear in the number of tokens."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

DIRECT = 64
"""Tokens up to which the whole matrix under a mask is quicker than tiles."""
TILE = 32
"""Queries that are read together, at least: far fewer would leave matrix products too small to be quick."""


@variant(
    "local",
    title="sliding window",
    short="local",
    source="Beltagy et al. 2020, Longformer; Zaheer et al. 2020, Big Bird (block window)",
)
class Local(Attention):
    """Sliding window plus global tokens: y = softmax(q k^T / sqrt(d)) v over the keys that a query sees.

    Real queries and real keys are cut, in order, into the same number G of blocks of at most `window` tokens, G =
    ceil(max(real queries, real keys) / window), so that across modalities the window follows relative position. A query
    sees its own block, the two beside it and the first `global_tokens` keys; the first `global_tokens` queries, so also
    a read-out's single query, see every key. With window >= N, M it is exact. Shapes: q (B, H, N, d), k and v (B, H, M,
    d) -> y (B, H, N, d). O((N + M) (window + 32) d) time, no (N, M) matrix. No parameters of its own. Deviations: the
    window moves by blocks (as in Big Bird's code), no random blocks; where no token is real, y is 0.
    """

    ordered = True
    uses_query_mask = True

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
        q_rank, queries = masking.ranks(q_mask_BN)
        k_rank, keys = masking.ranks(kv_mask_BM)
        blocks = -(-torch.maximum(queries, keys) // self.window)
        q_block = q_rank * blocks // queries.clamp(min=1)
        k_block = k_rank * blocks // keys.clamp(min=1)
        near = (q_block[:, :, None] - k_block[:, None, :]).abs() <= 1
        near = near | (q_rank < self.global_tokens)[:, :, None] | (k_rank < self.global_tokens)[:, None, :]
        return near & kv_mask_BM[:, None, :]

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        if need_weights or max(heads.q.shape[2], heads.k.shape[2]) <= max(DIRECT, 4 * self.window):
            return self._by_definition(heads, need_weights=need_weights)
        return self._by_tiles(heads), None

    def _by_definition(self, heads: Heads, *, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        """Quicker than tiles where there are few tokens."""
        visible = self.visible(heads.q_mask, heads.kv_mask)
        some = visible.any(-1, keepdim=True)
        scores = heads.q @ heads.k.mT * self.head_dim**-0.5
        weights = torch.softmax(scores.masked_fill(~(visible | ~some)[:, None], -torch.inf), -1)
        weights = weights * some[:, None].to(weights.dtype)
        return weights @ heads.v, weights if need_weights else None

    def _by_tiles(self, heads: Heads) -> Tensor:
        """A tile is a run of `many` blocks: its queries read the keys in these and adjacent blocks, under a mask."""
        q, k, v, kv_mask_BM, q_mask_BN = heads.q, heads.k, heads.v, heads.kv_mask, heads.q_mask
        batch, count, queries, d = q.shape
        w, keys = self.window, k.shape[2]
        many = -(-TILE // w)
        tiles = -(-max(queries, keys) // (w * many))
        first_T = many * torch.arange(tiles, device=q.device)
        q_rank, real_queries = masking.ranks(q_mask_BN)
        _, real_keys = masking.ranks(kv_mask_BM)
        blocks = (-(-torch.maximum(real_queries, real_keys) // w)).clamp(min=1)

        def ranks(real_B1: Tensor, before: int, length: int) -> tuple[Tensor, Tensor]:
            """Ranks (B, T, R) of the tokens in every tile and in `before` blocks on either side; which of them are."""
            start, end = (
                (-(-block * real_B1 // blocks)).clamp(min=0).minimum(real_B1)
                for block in (first_T - before, first_T + many + before)
            )
            rank = start[..., None] + torch.arange(length, device=q.device)
            return rank, rank < end[..., None]

        def index(rank_BTR: Tensor, mask_BL: Tensor) -> Tensor:
            length = mask_BL.shape[1]
            return masking.real_first(mask_BL).gather(1, rank_BTR.flatten(1).clamp(max=length - 1)).view(rank_BTR.shape)

        asked, _ = ranks(real_queries, 0, many * w)
        read, is_read = ranks(real_keys, 1, (many + 2) * w)
        few = min(self.global_tokens, keys)
        front = torch.arange(few, device=q.device)
        read = torch.cat([read, front.expand(batch, tiles, few)], -1)
        q_block = asked * blocks[..., None] // real_queries.clamp(min=1)[..., None]
        k_block = read * blocks[..., None] // real_keys.clamp(min=1)[..., None]
        near = (q_block[..., :, None] - k_block[..., None, :-few]).abs() <= 1
        near &= (is_read & (read[..., :-few] >= few))[..., None, :]
        always = (front < real_keys)[:, None, None].expand(-1, *near.shape[1:3], -1)
        seen = torch.cat([near, always], -1)
        seen |= ~seen.any(-1, keepdim=True)

        query = _rows(q, index(asked, q_mask_BN))
        key, value = (_rows(x, index(read, kv_mask_BM)) for x in (k, v))
        scores = query @ key.mT * self.head_dim**-0.5
        y = torch.softmax(scores.masked_fill(~seen[:, None], -torch.inf), -1) @ value

        # Back from tiles to the order in which the queries came.
        tile = (q_rank * blocks // real_queries.clamp(min=1) // many).clamp(max=tiles - 1)
        place = tile * many * w + q_rank - -(-tile * many * real_queries // blocks)
        y = _rows(y.flatten(2, 3), place.clamp(0, tiles * many * w - 1))
        leading = masking.real_first(q_mask_BN)[:, : min(self.global_tokens, queries)]
        read_by_leading, _ = masking.softmax_attention(_rows(q, leading), k, v, kv_mask_BM)
        y = y.scatter(2, leading[:, None, :, None].expand(-1, count, -1, d), read_by_leading.to(y.dtype))
        return y * kv_mask_BM.any(-1)[:, None, None, None].to(y.dtype)


def _rows(x_BHLd: Tensor, index: Tensor) -> Tensor:
    """The tokens at these indices (B, ...): (B, H, ..., d). By a look-up in a table of rows: quick on a CPU."""
    batch, heads, length, d = x_BHLd.shape
    table = x_BHLd.transpose(1, 2).reshape(batch * length * heads, d)
    trailing = [1] * (index.ndim - 1)
    first = torch.arange(batch, device=index.device).view(batch, *trailing) * length
    head = torch.arange(heads, device=index.device).view(1, heads, *trailing)
    return F.embedding(((first + index) * heads)[:, None] + head, table)
