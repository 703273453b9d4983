"""The one transformer block that all cells share, and the read-out. What differs between cells is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model.interfaces import Attention, Bank, Heads, Stream, Values
from mmbench.model.masking import is_stacked

MakeAttention = Callable[[], Attention]


def split_heads(x_BLE: Tensor, heads: int) -> Tensor:
    """(B, L, H d) -> (B, H, L, d)."""
    batch, length, _ = x_BLE.shape
    return x_BLE.view(batch, length, heads, -1).transpose(1, 2)


def merge_heads(x_BHLd: Tensor) -> Tensor:
    """(B, H, L, d) -> (B, L, H d)."""
    batch, heads, length, head_dim = x_BHLd.shape
    return x_BHLd.transpose(1, 2).reshape(batch, length, heads * head_dim)


def as_heads(parts: Sequence[Tensor], *, kv_mask: Tensor, q_mask: Tensor) -> Values:
    """Queries, keys and values, or values alone, as a mechanism takes them."""
    *content, v = parts
    if not content:
        return Values(v=v, kv_mask=kv_mask)
    q, k = content
    return Heads(q=q, k=k, v=v, kv_mask=kv_mask, q_mask=q_mask)


class Dropout(nn.Module):
    """Zeroes a share of its input in training, in steps of 1/256, and scales up the rest (Srivastava et al. 2014).

    PyTorch's own takes twice as long on a CPU, where it draws a number of 32 bits for every element; a byte is enough.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.zeroed = min(max(1, round(256 * share)), 255)

    def extra_repr(self) -> str:
        return f"share={self.share}"

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if x.device.type != "cpu" or is_stacked():
            return F.dropout(x, self.share)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.zeroed
        return x * kept.to(x.dtype).mul_(256 / (256 - self.zeroed))


def dropouts(share: float) -> list[nn.Module]:
    """One that drops this share; none at 0, where it would only take time."""
    return [Dropout(share)] if share else []


class MLP(nn.Sequential):
    """Norm, expand, ReLU, contract: (..., D) -> (..., D). ReLU as in Vaswani et al. 2017: GELU, which runs for every
    token, takes a tenth of a training step on a CPU. Hidden units are dropped out."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        expand = (nn.LayerNorm(width), nn.Linear(width, hidden), nn.ReLU())
        super().__init__(*expand, *dropouts(dropout), nn.Linear(hidden, width))


class Projection(nn.Sequential):
    """Norm, then `parts` projections at once: (..., D) -> (..., parts * D).

    Without bias: a bias on the keys shifts all scores of a query alike, so softmax gives it no gradient.
    """

    def __init__(self, width: int, parts: int) -> None:
        super().__init__(nn.LayerNorm(width), nn.Linear(width, parts * width, bias=False))


class Layer(nn.Module):
    """Pre-norm encoder layer: x + Attn(norm x), then x + MLP(norm x) (Xiong et al. 2020).

    The token-wise weights follow the modality of each token, the attention spans the whole stream. Dropout acts
    on what the attention adds, and in the MLP.
    """

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        mlp_hidden: int,
        dropout: float = 0.0,
        make_attention: MakeAttention,
        token_bank: Callable[[Callable[[], nn.Module]], Bank],
        mlp_bank: Callable[[Callable[[], nn.Module]], Bank],
        attention_bank: Callable[[Callable[[], nn.Module]], Bank],
    ) -> None:
        super().__init__()
        self.heads = heads
        self.attention = attention_bank(make_attention)
        self.content_based = all(m.content_based for m in self.attention.by_key.values())
        self.project = token_bank(lambda: Projection(width, 3 if self.content_based else 1))
        self.out = token_bank(lambda: nn.Linear(width, width))
        self.drop = nn.Sequential(*dropouts(dropout))
        self.mlp = mlp_bank(lambda: MLP(width, mlp_hidden, dropout))

    def forward(self, name: str, stream: Stream) -> Stream:
        x = stream.tokens
        projected = self.project.per_token(x, stream.segments)
        parts = [split_heads(part, self.heads) for part in projected.chunk(3 if self.content_based else 1, dim=-1)]
        y, _ = self.attention[name](as_heads(parts, kv_mask=stream.mask, q_mask=stream.mask))
        x = x + self.drop(self.out.per_token(merge_heads(y), stream.segments))
        return stream.with_tokens(x + self.mlp.per_token(x, stream.segments))


class Cross(nn.Module):
    """Pre-norm cross-attention block: x + Attn(norm x, norm context). (B, L, D) -> (B, L, D)."""

    def __init__(self, *, width: int, heads: int, make_attention: MakeAttention) -> None:
        super().__init__()
        self.heads = heads
        self.attention = make_attention()
        self.content_based = self.attention.content_based
        self.query = Projection(width, 1) if self.content_based else None
        self.key_value = Projection(width, 2 if self.content_based else 1)
        self.out = nn.Linear(width, width)

    def forward(self, stream: Stream, context: Stream) -> Tensor:
        x = stream.tokens
        key_value = self.key_value(context.tokens)
        parts = [split_heads(part, self.heads) for part in key_value.chunk(2 if self.content_based else 1, dim=-1)]
        if self.query is not None:
            parts.insert(0, split_heads(self.query(x), self.heads))
        y, _ = self.attention(as_heads(parts, kv_mask=context.mask, q_mask=stream.mask))
        return x + self.out(merge_heads(y)).expand_as(x)


class ReadOut(nn.Module):
    """A learned query pools the tokens of a stream into one vector: (B, L, D) -> (B, D)."""

    def __init__(self, *, width: int, heads: int, make_attention: MakeAttention) -> None:
        super().__init__()
        self.heads = heads
        self.attention = make_attention()
        self.content_based = self.attention.content_based
        self.query = nn.Parameter(torch.randn(heads, 1, width // heads)) if self.content_based else None
        self.key_value = Projection(width, 2 if self.content_based else 1)
        self.out = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))

    def forward(self, stream: Stream, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Returns the summary (B, D) and, on request, the weights (B, H, L) on the tokens."""
        key_value = self.key_value(stream.tokens)
        parts = [split_heads(part, self.heads) for part in key_value.chunk(2 if self.content_based else 1, dim=-1)]
        if self.query is not None:
            parts.insert(0, self.query.expand(len(key_value), -1, -1, -1))
        query_mask = stream.mask.new_ones(len(key_value), 1)
        heads = as_heads(parts, kv_mask=stream.mask, q_mask=query_mask)
        y, weights = self.attention(heads, need_weights=need_weights)
        return self.out(merge_heads(y)[:, 0]), None if weights is None else weights[:, :, 0]


class Head(nn.Sequential):
    """Small MLP: (B, inputs) -> (B, C). Not linear: with linear heads concatenation, sum of projections and sum of
    logits would be the same function."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, classes))
