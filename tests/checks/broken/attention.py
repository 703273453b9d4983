"""Broken attention mechanisms."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Attention, Heads
from tests.checks.broken import fails


class Sound(Attention):
    """A sound mechanism, y = softmax(q k^T / sqrt(d)) v, with places where the broken ones put their fault."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / math.sqrt(self.head_dim)

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        some = mask.any(-1, keepdim=True)
        seen = (mask | ~some)[:, None, None, :]
        return torch.softmax(scores.masked_fill(~seen, -torch.inf), -1) * some[:, :, None, None]

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return y

    def show(self, weights: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        return weights

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        scores = self.scores(heads.q, heads.k)
        weights = self.weigh(scores, heads.kv_mask)
        y = self.finish(weights @ heads.v, heads.v, heads.kv_mask)
        return y, self.show(weights, scores, heads.kv_mask) if need_weights else None


@fails("attention", "documented")
class NoDocstring(Sound):
    pass


@fails("attention", "documented")
class NoFormula(Sound):
    """Attention as everybody knows it, for q of shape (B, H, N, d)."""


@fails("attention", "options_are_a_schema")
class SwallowsOptions(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); a misspelt option passes unseen."""

    def __init__(self, heads: int, head_dim: int, **options: float) -> None:
        super().__init__(heads, head_dim)


@fails("attention", "options_are_a_schema")
class DefaultOfAnotherType(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); the default of `window` is no integer."""

    def __init__(self, heads: int, head_dim: int, *, window: int = "3") -> None:  # type: ignore[assignment]
        super().__init__(heads, head_dim)


@fails("attention", "shapes", "works_in_a_model")
class WrongShapeAtLengthOne(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); squeezes where the batch is 1."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return y.expand(2, -1, -1, -1) if len(y) == 1 and v.shape[2] == 1 else y


@fails("attention", "shapes")
class ChangesItsInput(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); scales the values in place."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        if v.shape[2] == 11:
            v.data.mul_(2)
        return y


@fails("attention", "gradients_reach_parameters", "works_in_a_model")
class IgnoresAParameter(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); owns a parameter that it never uses."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.temperature = nn.Parameter(torch.ones(heads))


@fails("attention", "gradients_reach_parameters")
class NeverStarts(Sound):
    """y = (1 + a b) softmax(q k^T) v, (B, H, N, d); a and b start at 0, where neither gives the other a gradient."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.a, self.b = (nn.Parameter(torch.zeros(heads, 1, 1)) for _ in range(2))

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return (1 + self.a * self.b) * y


@fails("attention", "gradients_reach_inputs")
class HardlyLooks(Sound):
    """y = softmax(10^-10 q k^T) v, (B, H, N, d): the mean of the values, for all that can be told."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return 1e-10 * (q @ k.mT)


@fails("attention", "gradients_reach_inputs", "works_in_a_model")
class OneKey(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); scores one key for all, so queries do not matter."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return (q @ k[:, :, :1].mT).expand(-1, -1, -1, k.shape[2])


@fails("attention", "trained_tensors_are_registered")
class FactorsInAList(Sound):
    """y = softmax(f q k^T) v, (B, H, N, d); the factors f lie in a plain list, where no optimiser sees them."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.factors = [torch.ones(1, requires_grad=True) for _ in range(2)]

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q, k) * self.factors[0] * self.factors[1]


@fails("attention", "independent_of_batch_mates")
class PoolsAcrossTheBatch(Sound):
    """y = softmax(q k^T) v + c, (B, H, N, d), c the mean of the real values of all samples of the batch."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        real = mask[:, None, :, None]
        pooled = (v * real).sum((0, 2), keepdim=True) / real.sum().clamp(min=1)
        return (y + pooled) * mask.any(-1)[:, None, None, None]


@fails("attention", "independent_of_batch_mates", "padded_queries_do_not_matter")
class AttendsAcrossTheBatch(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); mixes the samples of a batch."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return (y + y.mean(0, keepdim=True)) * mask.any(-1)[:, None, None, None]


@fails("attention", "padded_queries_do_not_matter")
class CentresQueries(Sound):
    """y = softmax((q - mean q / 2) k^T) v, (B, H, N, d); padded queries count in the mean."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q - q.mean(2, keepdim=True) / 2, k)


@fails("attention", "padded_queries_do_not_matter")
class LeaksIntoQueries(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); adds a zero that carries the gradient of all queries."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q + (q - q.detach()).sum(2, keepdim=True), k)


class SoundPlaced(Sound):
    """y = softmax(q k^T - p) v, (B, H, N, d); p grows with the query's rank among real ones and the key's value."""

    uses_query_mask = True

    def rank(self, q_mask: Tensor) -> Tensor:
        """(B, N)"""
        return q_mask.cumsum(-1) / q_mask.sum(-1, keepdim=True).clamp(min=1)

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        placed = heads.q * (1 + self.rank(heads.q_mask).to(heads.q.dtype))[:, None, :, None]
        return super().attend(replace(heads, q=placed), need_weights=need_weights)


@fails("attention", "padded_queries_do_not_matter")
class NanWithoutQueries(SoundPlaced):
    """y = softmax(q r k^T) v, (B, H, N, d), r the rank over the number of real queries: 0/0 where there are none."""

    def rank(self, q_mask: Tensor) -> Tensor:
        return q_mask.cumsum(-1) / q_mask.sum(-1, keepdim=True)


@fails("attention", "padded_queries_do_not_matter")
class CountsPaddedQueries(SoundPlaced):
    """y = softmax(q r k^T) v, (B, H, N, d), r the rank over the number of all queries."""

    def rank(self, q_mask: Tensor) -> Tensor:
        return q_mask.cumsum(-1) / q_mask.shape[-1]


@fails("attention", "query_mask_matters_as_said")
class ForgetsToPlaceQueries(SoundPlaced):
    """y = softmax(q k^T) v, (B, H, N, d); asks which queries are real, and does nothing with it."""

    def rank(self, q_mask: Tensor) -> Tensor:
        return torch.zeros(q_mask.shape)


@fails("attention", "query_mask_matters_as_said")
class UsesTheQueryMaskUnsaid(SoundPlaced):
    """y = softmax((1 + 1 / R) q k^T) v, (B, H, N, d), R the number of real queries; does not say that it uses it."""

    uses_query_mask = False

    def rank(self, q_mask: Tensor) -> Tensor:
        return (1 / q_mask.sum(-1, keepdim=True).clamp(min=1)).expand(q_mask.shape)


@fails("attention", "query_mask_matters_as_said")
class CountsQueriesUnsaid(Sound):
    """y = softmax(r q k^T) v, (B, H, N, d), r grows with the query's place; does not say that queries are placed."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q * (1 + 0.1 * torch.arange(q.shape[2]))[:, None].to(q.dtype), k)


@fails("attention", "order_of_keys_matters_as_said")
class CountsKeysUnsaid(Sound):
    """y = softmax(r q k^T) v, (B, H, N, d), r grows with the key's place; does not say that keys are ordered."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q, k * (1 + 0.1 * torch.arange(k.shape[2]))[:, None].to(k.dtype))


@fails("attention", "order_of_keys_matters_as_said")
class OnlySaysOrdered(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); says that order matters, but it never does."""

    ordered = True


@fails(
    "attention",
    "padding_does_not_matter",
    "padding_gets_no_gradient",
    "fully_masked_gives_zero",
    "weights_are_a_distribution",
)
class SoftmaxWithoutMask(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); looks at padding too."""

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        return torch.softmax(scores, -1)


@fails("attention", "padding_does_not_matter")
class DividesByAllTokens(Sound):
    """y = softmax(q k^T) v / M, (B, H, N, d); M counts padding."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return y / v.shape[2]


@fails("attention", "padding_gets_no_gradient")
class LeaksIntoGradients(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); adds a zero that carries the gradient of all tokens."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return y + (v - v.detach()).sum(2, keepdim=True)


@fails("attention", "fully_masked_gives_zero")
class NanAtFullMask(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); 0/0 where no token is real."""

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        return torch.softmax(scores.masked_fill(~mask[:, None, None, :], -torch.inf), -1)


@fails("attention", "fully_masked_gives_zero")
class NanGradientAtFullMask(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); hides the NaN of a full mask from the output alone."""

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        return torch.softmax(scores.masked_fill(~mask[:, None, None, :], -torch.inf), -1)

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask.any(-1)[:, None, None, None], y, 0)

    def show(self, weights: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        return weights.nan_to_num(0)


@fails("attention", "weights_are_a_distribution")
class WeightsNotNormalised(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); shows twice the weights that it uses."""

    def show(self, weights: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        return 2 * weights


@fails("attention", "weights_change_nothing")
class WeightsChangeTheOutput(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); another temperature when weights are asked for."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        turned = replace(heads, q=2 * heads.q) if need_weights else heads
        return super().attend(turned, need_weights=need_weights)


@fails("attention", "repeatable")
class RandomAtEvaluation(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); with a little noise, at evaluation too."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return y * (1 + 1e-11 * torch.rand_like(y))


@fails("attention", "pickles")
class NotPicklable(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); holds a lambda."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.scale = lambda x: x / math.sqrt(head_dim)

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return self.scale(q @ k.mT)


@fails("attention", "state_is_complete")
class RandomMapOutsideTheState(Sound):
    """y = softmax(q R k^T) v, (B, H, N, d); R is drawn at random and is no buffer, so it is lost on saving."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.random = torch.randn(head_dim, head_dim)

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q @ self.random.to(q.dtype), k)


@fails("attention", "stable_at_large_scores")
class Overflows(Sound):
    """y = exp(s) v / sum exp(s), s = min(q k^T, 300), (B, H, N, d); float64 can hold exp(300), float32 cannot."""

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        raised = scores.clamp(max=300).masked_fill(~mask[:, None, None, :], -torch.inf).exp()
        return raised / raised.sum(-1, keepdim=True).clamp(min=1e-30)


@fails("attention", "stable_at_large_scores", "padded_queries_do_not_matter")
class DividesByAKernelThatVanishes(Sound):
    """y = f v / sum f, f = (elu(q) + 1) (elu(k) + 1)^T, (B, H, N, d): below -17, elu + 1 is 0 in float32, and y 0/0."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return (nn.functional.elu(q) + 1) @ (nn.functional.elu(k) + 1).mT

    def weigh(self, scores: Tensor, mask: Tensor) -> Tensor:
        kernel = scores * mask[:, None, None, :]
        some = mask.any(-1)[:, None, None, None]
        return kernel / kernel.sum(-1, keepdim=True).masked_fill(~some, 1)


@fails("attention", "mixed_precision")
class CancelsInHalfPrecision(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); adds and takes off a large number."""

    def finish(self, y: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return (y + 1000) - 1000 * mask.any(-1)[:, None, None, None] - 1000 * ~mask.any(-1)[:, None, None, None]


@fails("attention", "works_in_a_model")
class NeedsOwnMemory(Sound):
    """y = softmax(q k^T) v, (B, H, N, d); takes for granted that queries lie in memory as their shape says."""

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        batch, heads, queries, d = q.shape
        return super().scores(q.view(batch * heads, queries, d).view(q.shape), k)


@fails("attention", "order_of_keys_matters_as_said", "query_mask_matters_as_said")
class FixedLength(Sound):
    """y = softmax(q k^T + b) v, (B, H, N, d); the bias b knows 100 positions."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.bias = nn.Parameter(torch.randn(100))

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return super().scores(q, k) + self.bias[torch.arange(k.shape[2])]
