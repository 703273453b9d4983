"""What is particular to each of the article's fusions."""

from __future__ import annotations

import torch

from mmbench.architecture.independent import Independent
from mmbench.checks import tiny
from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.model.build import Branch
from mmbench.model.interfaces import JOINT, Fusion, Stream


def branch(fusion: type[Fusion], modalities: int = 3, depth: int = 2) -> Branch:
    made = tiny.model(modalities, fusion=fusion, architecture=Independent, depth=depth).fused
    assert isinstance(made, Branch)
    return made


def test_early_concat_keeps_every_token_and_where_it_came_from() -> None:
    model, inputs = branch(EarlyConcat), tiny.inputs(3)
    streams = model.embed(inputs)
    merged = model.fusion.merge_inputs(streams)
    assert list(merged) == [JOINT]
    joint = merged[JOINT]
    assert [(s.modality, s.length) for s in joint.segments] == [("a", 7), ("b", 5), ("c", 9)]
    assert torch.equal(joint.tokens, torch.cat([streams[m].tokens for m in "abc"], dim=1))
    assert torch.equal(joint.mask, torch.cat([streams[m].mask for m in "abc"], dim=1))


def test_cross_attention_reads_all_others_as_they_were_before() -> None:
    """The order of the modalities plays no part: no stream reads another that has been exchanged already."""
    model, inputs = branch(CrossAttention), tiny.inputs(3)
    streams = model.embed(inputs)
    together = model.fusion.exchange(0, streams, streams)
    for name in streams:
        alone = model.fusion.exchange(0, dict(reversed(streams.items())), streams)[name]
        assert torch.allclose(alone.tokens, together[name].tokens)
        assert not torch.allclose(together[name].tokens, streams[name].tokens)


def test_cross_attention_leaves_a_stream_to_itself_where_the_others_are_missing() -> None:
    model, inputs = branch(CrossAttention, 2), tiny.inputs(2)
    streams = dict(model.embed(inputs))
    b = streams["b"]
    streams["b"] = Stream(tokens=b.tokens, mask=torch.zeros_like(b.mask), segments=b.segments)
    cross = model.fusion.exchange(0, streams, streams)["a"].tokens - streams["a"].tokens
    assert torch.allclose(cross, cross[:1, :1].expand_as(cross)), "only the bias of the output projection is added"


def test_cross_attention_needs_two_layers() -> None:
    assert "depth" in (CrossAttention.cannot(modalities=2, depth=1) or "")
    assert "two modalities" in (CrossAttention.cannot(modalities=1, depth=2) or "")
    assert CrossAttention.cannot(modalities=2, depth=2) is None


def test_concat_keeps_modalities_apart_to_the_head() -> None:
    model, inputs = branch(Concat), tiny.inputs(3)
    assert model.fusion.head[0].in_features == 3 * tiny.size().width
    encoded = model.encode(model.embed(inputs))
    other = model.encode(model.embed({**inputs, "b": tiny.inputs(3, seed=4)["b"]}))
    assert torch.equal(encoded["a"].tokens, other["a"].tokens)
