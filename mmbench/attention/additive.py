"""Additive attention: a small network scores every pair of query and key."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.registry import variant
from mmbench.types import Attention


@variant("additive", source="Bahdanau et al. 2015, Neural Machine Translation by Jointly Learning to Align", core=True)
class Additive(Attention):
    """Additive attention: score_nm = u^T tanh(W_q q_n + W_k k_m), y = softmax(score) v.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M a) time and memory with a = `score_dim`
    hidden units a head. Each head owns W_q and W_k (d, a) and u (a). Deviation: several heads, as in the mechanisms
    it is compared with; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, score_dim: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        bound = 1 / math.sqrt(head_dim)
        self.w_query = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.w_key = nn.Parameter(torch.empty(heads, head_dim, score_dim).uniform_(-bound, bound))
        self.u = nn.Parameter(torch.empty(heads, score_dim, 1).uniform_(-1, 1))

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
        query_BHN1a = (q_BHNd @ self.w_query).unsqueeze(3)
        key_BH1Ma = (k_BHMd @ self.w_key).unsqueeze(2)
        hidden_BHNMa = torch.tanh(query_BHN1a + key_BH1Ma)
        # One (N M, a) product a head: as a batch of (M, a) products it would take twice the time.
        scores_BHNM = (hidden_BHNMa.flatten(2, 3) @ self.u).view(hidden_BHNMa.shape[:-1])
        some_B1 = kv_mask_BM.any(-1, keepdim=True)
        seen_B11M = (kv_mask_BM | ~some_B1)[:, None, None, :]
        weights = torch.softmax(scores_BHNM.masked_fill(~seen_B11M, -torch.inf), -1) * some_B1[:, :, None, None]
        return weights @ v_BHMd, weights if need_weights else None
