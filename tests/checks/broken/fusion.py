"""Broken fusions: concatenation of summaries, spoilt in one place each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.model import masking
from mmbench.model.interfaces import JOINT, Kit, Segment, Stream, Streams, Summaries
from tests.checks.broken import fails


@fails("fusion", "documented")
class NoShapes(Concat):
    """logits = MLP of all summaries."""


@fails("fusion", "options_are_a_schema")
class UntypedOption(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C)."""

    def __init__(self, kit: Kit, *, rank=4) -> None:  # type: ignore[no-untyped-def]
        super().__init__(kit)


@fails("fusion", "shapes", "independent_of_batch_mates")
class Squeezes(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C), or (C,) where the batch is 1."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs(summaries).squeeze(0)


@fails("fusion", "shapes")
class SqueezesTokens(CrossAttention):
    """Z_m <- Z_m + Attn(Z_m, Z_n), (B, L, D); takes one token for none."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        squeezed = {name: s.with_tokens(s.tokens.squeeze(1)) for name, s in streams.items()}
        return super().exchange(layer, squeezed, inputs)


@fails("fusion", "gradients_reach_modalities")
class HardlyHearsTheLastModality(Concat):
    """logits = MLP([s_1; ...; s_(M-1); 10^-11 s_M]), (B, M D) -> (B, C)."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        last = self.modalities[-1]
        return super().merge_outputs({**summaries, last: 1e-11 * summaries[last]})


@fails("fusion", "gradients_reach_parameters")
class OneKeyForTwoModalities(CrossAttention):
    """Z_m <- Z_m + Attn(Z_m, mean Z_n), (B, L, D): with one key every weight is 1, and queries get no gradient."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        def pooled(stream: Stream) -> Stream:
            real = stream.mask[..., None]
            mean = (stream.tokens * real).sum(1, keepdim=True) / real.sum(1, keepdim=True).clamp(min=1)
            return Stream(tokens=mean, mask=real.any(1), segments=(Segment(modality="pooled", length=1),))

        def read(name: str) -> Tensor:
            others = torch.stack([pooled(streams[n]).tokens for n in streams if n != name]).mean(0)
            mask = torch.stack([pooled(streams[n]).mask for n in streams if n != name]).any(0)
            context = Stream(tokens=others, mask=mask, segments=(Segment(modality="pooled", length=1),))
            return self.layers[layer][name](streams[name], context)

        return {name: stream.with_tokens(read(name)) for name, stream in streams.items()}


@fails("fusion", "gradients_reach_parameters")
class OneJointToken(EarlyConcat):
    """Z = mean_m mean Z_m, (B, 1, D), as one published early fusion: a lone token has nothing to attend to."""

    @classmethod
    def token_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    def merge_inputs(self, streams: Streams) -> Streams:
        joint = super().merge_inputs(streams)[JOINT]
        lone = masking.mean(joint.tokens, joint.mask)[:, None]
        segments = (Segment(modality=JOINT, length=1),)
        return {JOINT: Stream(tokens=lone, mask=joint.mask.any(1, keepdim=True), segments=segments)}


@fails("fusion", "gradients_reach_modalities", "gradients_reach_parameters", "cannot_is_respected")
class ForgetsTheLastModality(Concat):
    """logits = MLP([s_1; ...; s_(M-1); 0]), (B, M D) -> (B, C)."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        last = self.modalities[-1]
        return super().merge_outputs({**summaries, last: torch.zeros_like(summaries[last])})


@fails("fusion", "trained_tensors_are_registered")
class LowRankFactorsInAList(Concat):
    """logits = MLP([f_1 s_1; ...; f_M s_M]), (B, M D) -> (B, C); the factors lie in a plain list."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.factors = [torch.ones(kit.width, requires_grad=True) for _ in kit.modalities]

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        scaled = {
            m: summaries[m] * f.to(summaries[m].dtype) for m, f in zip(self.modalities, self.factors, strict=True)
        }
        return super().merge_outputs(scaled)


@fails("fusion", "trained_tensors_are_registered", "state_is_complete", "mixed_precision")
class LayersInAList(Concat):
    """logits = MLP([W_1 s_1; ...; W_M s_M]), (B, M D) -> (B, C); the W lie in a plain list: no cast reaches them."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.maps = [nn.Linear(kit.width, kit.width) for _ in kit.modalities]

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs({m: f(summaries[m]) for m, f in zip(self.modalities, self.maps, strict=True)})


@fails("fusion", "independent_of_batch_mates")
class FusesAcrossTheBatch(Concat):
    """logits = MLP(softmax(S S^T) S), S = [s_1; ...; s_M], (B, M D) -> (B, C): the softmax runs over the batch."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs({m: torch.softmax(s @ s.mT, -1) @ s + s for m, s in summaries.items()})


@fails("fusion", "padding_does_not_matter")
class AddsTheLength(CrossAttention):
    """logits = MLP([s_1; ...; s_M]) + L / 10, (B, M D) -> (B, C); L counts padding."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        self.length = sum(s.tokens.shape[1] for s in streams.values())
        return super().exchange(layer, streams, inputs)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs(summaries) + self.length / 10


@fails("fusion", "padding_does_not_matter", "padding_gets_no_gradient")
class PoolsPadding(Concat):
    """Z_m <- Z_m + mean_n Z_n over all tokens, (B, L, D); padding counts in the mean."""

    family = "intermediate"

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        return CrossAttention.cannot(modalities=modalities, depth=depth)

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        pooled = torch.stack([s.tokens.mean(1, keepdim=True) for s in streams.values()]).sum(0)
        return {name: s.with_tokens(s.tokens + pooled) for name, s in streams.items()}


@fails("fusion", "padding_gets_no_gradient")
class LeaksIntoGradients(CrossAttention):
    """Z_m <- Z_m + Attn(Z_m, Z_n), (B, L, D); adds a zero that carries the gradient of all tokens, padding too."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        def leaking(s: Stream) -> Stream:
            return s.with_tokens(s.tokens + (s.tokens - s.tokens.detach()).sum(1, keepdim=True))

        return super().exchange(layer, {name: leaking(s) for name, s in streams.items()}, inputs)


@fails("fusion", "missing_modalities_are_finite")
class DividesByNothing(Concat):
    """Z_m <- Z_m + sum_n mean Z_n over real tokens, (B, L, D): 0/0 where a modality has none."""

    family = "intermediate"

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        return CrossAttention.cannot(modalities=modalities, depth=depth)

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        def mean(s: Stream) -> Tensor:
            return (s.tokens * s.mask[..., None]).sum(1, keepdim=True) / s.mask.sum(1)[:, None, None]

        pooled = torch.stack([mean(s) for s in streams.values()]).sum(0)
        return {name: s.with_tokens(s.tokens + pooled) for name, s in streams.items()}


@fails("fusion", "repeatable")
class RandomAtEvaluation(Concat):
    """logits = MLP([s_1; ...; s_M]) + noise, (B, M D) -> (B, C), at evaluation too."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        logits = super().merge_outputs(summaries)
        return logits * (1 + 1e-11 * torch.rand_like(logits))


@fails("fusion", "pickles")
class NotPicklable(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C); keeps a lambda."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.order = lambda: kit.modalities


@fails("fusion", "state_is_complete")
class RandomMapOutsideTheState(Concat):
    """logits = MLP(R [s_1; ...; s_M]), (B, M D) -> (B, C); R is drawn at random and lost on saving."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.random = torch.randn(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs({m: s * self.random.to(s.dtype) for m, s in summaries.items()})


@fails("fusion", "mixed_precision")
class CancelsInHalfPrecision(Concat):
    """logits = MLP([s_1; ...; s_M]) + c - c, (B, M D) -> (B, C)."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return (super().merge_outputs(summaries) + 3000) - 3000


@fails("fusion", "cannot_is_respected")
class FusesOneModality(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C); claims to fuse a single modality."""

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        return None


@fails("fusion", "acts_where_its_family_says")
class SaysIntermediate(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C); never exchanges anything."""

    family = "intermediate"


@fails("fusion", "acts_where_its_family_says")
class NothingToExchangeAtDepthOne(CrossAttention):
    """Z_m <- Z_m + Attn(Z_m, Z_n), (B, L, D); at depth 1 there is no exchange, and it is plain concatenation."""

    cannot = Concat.cannot


@fails("fusion", "dropout_acts_in_training_alone")
class DetachesInTraining(Concat):
    """logits = MLP([s_1; ...; s_M]), (B, M D) -> (B, C), of constants while it is trained."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return super().merge_outputs({m: s.detach() if self.training else s for m, s in summaries.items()})
