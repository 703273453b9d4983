"""Plain references: the formula of each mechanism for one head of one sample, real tokens only, no tricks.

reference(mechanism, head, q (N, d), k (M, d), v (M, d)) -> y (N, d); a mechanism's own parameters are read from it, but
none of its methods is called. Where the mechanism places queries, q holds the real ones only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Row = list[Tensor]


def _softmax(row: Row) -> Row:
    """Of a row of scores, number by number."""
    raised = [score.exp() for score in row]
    total = sum(raised)
    return [r / total for r in raised]


def _weighted(weights_NM: list[Row], v_Md: Tensor) -> Tensor:
    """The weighted sum of the values for every row, number by number."""
    rows = [sum(w * value for w, value in zip(row, v_Md, strict=True)) for row in weights_NM]
    return torch.stack(rows)  # type: ignore[arg-type]


def _read(scores_NM: list[Row], v_Md: Tensor) -> Tensor:
    return _weighted([_softmax(row) for row in scores_NM], v_Md)


def _scaled(q_Nd: Tensor, k_Md: Tensor) -> list[Row]:
    return [[(q * k).sum() / math.sqrt(len(q)) for k in k_Md] for q in q_Nd]


def mean(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    return torch.stack([sum(v_Md) / len(v_Md) for _ in q_Nd])


def scaled_dot_product(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    return _read(_scaled(q_Nd, k_Md), v_Md)


def dot(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    return _read([[(q * k).sum() for k in k_Md] for q in q_Nd], v_Md)


def bilinear(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    w = mechanism.weight[head]
    return _read([[torch.outer(q, k).mul(w).sum() for k in k_Md] for q in q_Nd], v_Md)


def cosine(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    temperature = 1 / mechanism.log_factor[head].squeeze().exp()
    assert temperature > 0.01

    def score(q: Tensor, k: Tensor) -> Tensor:
        return (q * k).sum() / (q.square().sum().sqrt() * k.square().sum().sqrt()) / temperature

    return _read([[score(q, k) for k in k_Md] for q in q_Nd], v_Md)


def additive(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    w_query, w_key, u = mechanism.w_query[head], mechanism.w_key[head], mechanism.u[head].flatten()
    return _read([[(u * torch.tanh(q @ w_query + k @ w_key)).sum() for k in k_Md] for q in q_Nd], v_Md)


def _kernel(similarity: Callable[[int, int], Tensor], queries: int, v_Md: Tensor) -> Tensor:
    """Weights in proportion to the similarity of query n and key m."""
    rows = [[similarity(n, m) for m in range(len(v_Md))] for n in range(queries)]
    return _weighted([[s / sum(row) for s in row] for row in rows], v_Md)


def linear(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    def feature(x: Tensor) -> Tensor:
        """elu + 1, and a constant."""
        return torch.where(x > 0, x + 1, x.exp()) + 1e-6

    return _kernel(lambda n, m: (feature(q_Nd[n]) * feature(k_Md[m])).sum(), len(q_Nd), v_Md)


def performer(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    """The constant of 1e-6 is added when the largest feature (of a query; of all keys) is scaled to 1."""
    directions = mechanism.directions[head]

    def raw(x: Tensor) -> Tensor:
        x = x / len(x) ** 0.25
        return torch.stack([((w * x).sum() - (x * x).sum() / 2).exp() for w in directions])

    query, key = [raw(q) for q in q_Nd], [raw(k) for k in k_Md]
    largest_key = max(float(f.detach().max()) for f in key)
    query, key = [f / float(f.detach().max()) + 1e-6 for f in query], [f / largest_key + 1e-6 for f in key]
    return _kernel(lambda n, m: (query[n] * key[m]).sum(), len(query), v_Md)


def _runs(length: int, count: int) -> list[list[int]]:
    """The tokens of min(length, count) runs, in order: token r lies in run floor(r U / R)."""
    used = min(length, count)
    return [[r for r in range(length) if r * used // length == run] for run in range(used)]


def linformer(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    def project(x_Md: Tensor, slopes: Tensor) -> Tensor:
        slots = []
        for slope, run in zip(slopes, _runs(len(x_Md), mechanism.slots), strict=False):
            # Middles of as many equal parts of (-1, 1) as the run has tokens.
            places = [-1 + (2 * i + 1) / len(run) for i in range(len(run))]
            shares = _softmax([slope * place for place in places])
            slots.append(sum(share * x_Md[r] for share, r in zip(shares, run, strict=True)))
        return torch.stack(slots)  # type: ignore[arg-type]

    key, value = project(k_Md, mechanism.key_slope[head]), project(v_Md, mechanism.value_slope[head])
    return _read(_scaled(q_Nd, key), value)


def nystrom(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    def landmarks(x_Ld: Tensor) -> Tensor:
        runs = _runs(len(x_Ld), mechanism.landmarks)
        return torch.stack([sum(x_Ld[r] for r in run) / len(run) for run in runs])  # type: ignore[misc]

    def s(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([torch.stack(_softmax(row)) for row in _scaled(a, b)])

    some_q, some_k = landmarks(q_Nd), landmarks(k_Md)
    a = s(some_q, some_k)
    eye = torch.eye(len(some_q), dtype=a.dtype)
    row_sums, column_sums = [row.sum() for row in a], [column.sum() for column in a.T]
    z = a.T / (torch.stack(row_sums).max() * torch.stack(column_sums).max())
    for _ in range(mechanism.iterations):
        # The paper's equation 14.
        z = z @ (13 * eye - (a @ z) @ (15 * eye - (a @ z) @ (7 * eye - a @ z))) / 4
    return s(q_Nd, some_k) @ (z @ (s(some_q, k_Md) @ v_Md))


def local(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    queries, keys, few = len(q_Nd), len(k_Md), mechanism.global_tokens
    blocks = math.ceil(max(queries, keys) / mechanism.window)

    def sees(n: int, m: int) -> bool:
        return n < few or m < few or abs(n * blocks // queries - m * blocks // keys) <= 1

    rows = []
    for n in range(queries):
        seen = [m for m in range(keys) if sees(n, m)]
        rows.append(_read(_scaled(q_Nd[n : n + 1], k_Md[seen]), v_Md[seen])[0])
    return torch.stack(rows)


def topk(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    rows = []
    for scores in _scaled(q_Nd, k_Md):
        best = sorted(range(len(scores)), key=lambda m: -float(scores[m].detach()))[: mechanism.k]
        rows.append(_read([[scores[m] for m in best]], v_Md[best])[0])
    return torch.stack(rows)


class EntmaxRow(torch.autograd.Function):
    """alpha-entmax of one row: tau by bisection; gradients in closed form, Correia et al. 2019, propositions 2 and 3.

    These come from the implicit function theorem on sum p = 1, at the solution, with nothing of how it was found.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, alpha: Tensor) -> Tensor:
        z, power = scores * (alpha - 1), 1 / (alpha - 1)
        low, high = z.max() - 1, z.max()
        for _ in range(100):
            middle = (low + high) / 2
            enough = sum(float(max(x - middle, 0.0)) ** float(power) for x in z) >= 1
            low, high = (middle, high) if enough else (low, middle)
        p = torch.stack([max(x - low, torch.zeros_like(x)) ** power for x in z])
        ctx.save_for_backward(p, alpha)
        return p

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        p, alpha = ctx.saved_tensors
        on = p > 0
        s = torch.where(on, p ** (2 - alpha), 0)
        share = s / s.sum()
        entropy = torch.where(on, -p * torch.where(on, p, 1).log(), 0)
        by_alpha = (p - share) / (alpha - 1) ** 2 + (entropy - share * entropy.sum()) / (alpha - 1)
        return s * (grad - (grad * share).sum()), (grad * by_alpha).sum()


def entmax(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    alpha = 1.01 + 0.99 / (1 + (-mechanism.shape[head].squeeze()).exp())
    rows: Any = [EntmaxRow.apply(torch.stack(row), alpha) for row in _scaled(q_Nd, k_Md)]
    return _weighted([list(row) for row in rows], v_Md)


def adaptive_span(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    soft, span = mechanism.softness, 1 / (1 + (-mechanism.span[head].squeeze()).exp())
    scores = _scaled(q_Nd, k_Md)

    def raised(n: int, m: int) -> Tensor:
        distance = abs((n + 0.5) / len(q_Nd) - (m + 0.5) / len(k_Md))
        return torch.clamp((soft + span - distance) / soft, 0, 1) * scores[n][m].exp()

    return _kernel(raised, len(q_Nd), v_Md)


def differential(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    half = q_Nd.shape[1] // 2
    a1, b1, a2, b2 = (getattr(mechanism, name)[head] for name in ("a1", "b1", "a2", "b2"))
    factor = (a1 * b1).sum().exp() - (a2 * b2).sum().exp() + mechanism.initial
    rows = []
    first, second = _scaled(q_Nd[:, :half], k_Md[:, :half]), _scaled(q_Nd[:, half:], k_Md[:, half:])
    for one, two in zip(first, second, strict=True):
        weights = [a - factor * b for a, b in zip(_softmax(one), _softmax(two), strict=True)]
        y = _weighted([weights], v_Md)[0]
        size = (y.square().sum() / len(y) + 1e-5).sqrt()
        rows.append((1 - mechanism.initial) * mechanism.gain[head, 0] * y / size)
    return torch.stack(rows)


def gated(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    gates = [1 / (1 + (-(q @ mechanism.weight[head] + mechanism.bias[head, 0])).exp()) for q in q_Nd]
    return torch.stack(gates) * _read(_scaled(q_Nd, k_Md), v_Md)


def routed(mechanism: Any, head: int, q_Nd: Tensor, k_Md: Tensor, v_Md: Tensor) -> Tensor:
    plain = (mean, scaled_dot_product, linear, local)
    read = [one(expert, head, q_Nd, k_Md, v_Md) for one, expert in zip(plain, mechanism.experts, strict=True)]
    rows = []
    for n, q in enumerate(q_Nd):
        gates = _softmax([(q * w).sum() for w in mechanism.router[head].T])
        rows.append(sum(gate * y[n] for gate, y in zip(gates, read, strict=True)))
    return torch.stack(rows)  # type: ignore[arg-type]
