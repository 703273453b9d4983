"""Plain references: the formula of each mechanism for one head of one sample, real tokens only, no tricks.

reference(mechanism, head, q (N, d), k (M, d), v (M, d)) -> y (N, d); a mechanism's own parameters are read from it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def _read(scores_NM: list[list[Tensor]], v_Md: Tensor) -> Tensor:
    """Softmax of every row of scores, then the weighted sum of the values, number by number."""
    rows = []
    for row in scores_NM:
        raised = [score.exp() for score in row]
        total = sum(raised)
        rows.append(sum(r / total * value for r, value in zip(raised, v_Md, strict=True)))
    return torch.stack(rows)  # type: ignore[arg-type]


def mean(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    return torch.stack([sum(v_Md) / len(v_Md) for _ in q_Nd])


def scaled_dot_product(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    return _read([[(q * k).sum() / math.sqrt(len(q)) for k in k_Md] for q in q_Nd], v_Md)


def additive(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    w_query, w_key, u = mechanism.w_query[head], mechanism.w_key[head], mechanism.u[head].flatten()
    return _read([[(u * torch.tanh(q @ w_query + k @ w_key)).sum() for k in k_Md] for q in q_Nd], v_Md)
