"""Linformer: keys and values are projected along the sequence to a fixed number of slots."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench import masked
from mmbench.registry import variant
from mmbench.types import Attention


@variant("linformer", source="Wang et al. 2020, Linformer: Self-Attention with Linear Complexity")
class Linformer(Attention):
    """Linformer: y = softmax(q (E k)^T / sqrt(d)) (F v), with E and F (S, M) projecting M keys and values to S slots.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O((N + M) d + N S d) time, no (N, M) matrix.
    Deviation: a dense learned E fixes the sequence's length, so E and F are the paper's other choice, a convolution
    whose kernel and stride are M / S: the R real keys are cut into min(R, S) runs, and within a run the weights are
    softmax(e_s t), t in (-1, 1) the place in the run and e_s learned (F: f_s), at the start the mean. With S >= M it is
    exact softmax attention. Weights on tokens are softmax(q (E k)^T / sqrt(d)) F. Where no token is real, y is 0.
    """

    ordered = True

    def __init__(self, heads: int, head_dim: int, *, slots: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        self.slots = slots
        self.key_slope = nn.Parameter(torch.zeros(heads, slots))
        self.value_slope = nn.Parameter(torch.zeros(heads, slots))

    def _shares(self, slope_HS: Tensor, mask_BM: Tensor, slot_BM: Tensor, place_BM: Tensor) -> Tensor:
        """The weight (B, H, M) of every token within its slot: positive on real tokens, summing to 1 in every slot."""
        slope_HSp = torch.nn.functional.pad(slope_HS, (0, 1))
        logs_BHM = slope_HSp[:, slot_BM].transpose(0, 1) * place_BM[:, None]
        # |t| < 1 and slopes are of order 1: no need to take a largest one off first.
        raised = logs_BHM.clamp(-30, 30).exp() * mask_BM[:, None]
        index = slot_BM[:, None].expand_as(raised)
        total = raised.new_zeros(*raised.shape[:2], self.slots + 1).scatter_add(2, index, raised)
        return raised / total.gather(2, index).masked_fill(~mask_BM[:, None], 1.0)

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
        slot_BM = masked.slots(kv_mask_BM, self.slots)
        # Place in the slot, in (-1, 1): the slot of rank r of R real tokens, cut into U runs, holds r U / R.
        rank, number = masked.ranks(kv_mask_BM)
        used = number.clamp(max=self.slots)
        first = -(-slot_BM * number // used.clamp(min=1))
        size = -(-(slot_BM + 1) * number // used.clamp(min=1)) - first
        middle_BM = (2 * (rank - first) + 1).to(masked.fine(v_BHMd.dtype))
        place_BM = (middle_BM / size.clamp(min=1) - 1).masked_fill(~kv_mask_BM, 0).to(v_BHMd.dtype)
        key_share, value_share = (
            self._shares(slope, kv_mask_BM, slot_BM, place_BM) for slope in (self.key_slope, self.value_slope)
        )
        key = masked.pool_slots(k_BHMd, key_share, slot_BM, self.slots)
        value = masked.pool_slots(v_BHMd, value_share, slot_BM, self.slots)
        seen_BS = masked.used_slots(kv_mask_BM, self.slots)
        y, on_slots = masked.softmax_attention(q_BHNd, key, value, seen_BS, need_weights=need_weights)
        if on_slots is None:
            return y, None
        index = slot_BM.clamp(max=self.slots - 1)[:, None, None, :].expand(-1, *on_slots.shape[1:3], -1)
        return y, on_slots.gather(3, index) * value_share[:, :, None]
