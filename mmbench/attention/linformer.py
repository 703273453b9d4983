"""Linformer: keys and values are projected along the sequence to a fixed number of slots."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("linformer", title="Linformer", source="Wang et al. 2020, Linformer: Self-Attention with Linear Complexity")
class Linformer(Attention):
    """Linformer: y = softmax(q (E k)^T / sqrt(d)) (F v), with E and F (S, M) projecting M keys and values to S slots.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O((N + M) S d) time, no (N, M) matrix.
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

    def _shares(self, slope_HS: Tensor, member_BSM: Tensor, place_BSM: Tensor) -> Tensor:
        """E or F (B, H, S, M): positive on the tokens of a slot and summing to 1 there, 0 elsewhere."""
        used = slope_HS[:, : place_BSM.shape[1], None].to(place_BSM.dtype)
        logs = used * place_BSM[:, None]
        # |t| < 1 and slopes are of order 1: no need to take a largest one off first.
        raised = logs.clamp(-30, 30).exp() * member_BSM[:, None]
        total = raised.sum(-1, keepdim=True)
        return raised / total.masked_fill(total == 0, 1.0)

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        # Slots beyond the number of tokens would all be empty.
        member_BSM = masking.slot_members(heads.kv_mask, min(self.slots, heads.kv_mask.shape[1]))
        size_BS1 = member_BSM.sum(-1, keepdim=True)
        # Place in the slot, in (-1, 1).
        nth_BSM = member_BSM.cumsum(-1)
        middle_BSM = (2 * nth_BSM - 1).to(masking.accumulation_dtype(heads.v.dtype))
        place_BSM = (middle_BSM / size_BS1.clamp(min=1) - 1).to(heads.v.dtype)
        key_share, value_share = (
            self._shares(slope, member_BSM, place_BSM) for slope in (self.key_slope, self.value_slope)
        )
        seen_BS = member_BSM.any(-1)
        key, value = key_share @ heads.k, value_share @ heads.v
        y, on_slots = masking.softmax_attention(heads.q, key, value, seen_BS, need_weights=need_weights)
        return y, None if on_slots is None else on_slots @ value_share
