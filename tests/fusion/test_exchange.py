"""Intermediate fusions: what each does to the streams between layers, against its formula."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmbench.checks import tiny
from mmbench.checks.common import same
from mmbench.fusion.bottleneck import Bottleneck
from mmbench.fusion.co_attention import CoAttention
from mmbench.fusion.film import FiLM
from mmbench.fusion.latent_array import LatentArray
from mmbench.fusion.mmtm import MMTM
from mmbench.model.build import Branch
from mmbench.model.interfaces import JOINT, Stream, Streams
from tests.support.fusion_parts import branch, random_stream, without


def embedded(model: Branch, modalities: int = 3) -> dict[str, Stream]:
    return dict(model.embed(tiny.inputs(modalities)))


def real_mean(stream: Stream) -> Tensor:
    """Sample by sample."""
    return torch.stack([x[mask].mean(0) for x, mask in zip(stream.tokens, stream.mask, strict=True)])


def all_real_mean(streams: list[Stream]) -> Tensor:
    """Mean over the real tokens of all these streams at once."""
    rows = [torch.cat([s.tokens[b][s.mask[b]] for s in streams]) for b in range(len(streams[0].tokens))]
    return torch.stack([row.mean(0) for row in rows])


def norm(x: Tensor) -> Tensor:
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()


def test_co_attention_is_the_mean_over_partners_and_a_network() -> None:
    model = branch(CoAttention)
    streams = embedded(model)
    found = model.fusion.exchange(0, streams, streams)
    for m in "abc":
        read = model.fusion.reads[0][m]
        partners = [read(streams[m], streams[n]) for n in "abc" if n != m]
        mean = (partners[0] + partners[1]) / 2
        assert same(found[m].tokens, mean + model.fusion.mlps[0][m](mean))
        assert not same(partners[0], partners[1])


def test_co_attention_lets_no_partner_compete() -> None:
    """What is read from b does not depend on how many tokens c has; cross-attention's softmax spans both."""
    model = branch(CoAttention)
    streams = embedded(model)
    c = streams["c"]
    twice = Stream(tokens=c.tokens.repeat(1, 2, 1), mask=c.mask.repeat(1, 2), segments=c.segments * 2)
    found = model.fusion.exchange(0, {**streams, "c": twice}, streams)
    assert same(found["a"].tokens, model.fusion.exchange(0, streams, streams)["a"].tokens)


def test_bottleneck_leaves_out_missing_modalities() -> None:
    """Streams read the mean of the narrow tokens over modalities that are there."""
    model = branch(Bottleneck)
    streams = embedded(model)
    poor = without(streams, "b")
    found = model.fusion.exchange(0, poor, poor)
    collect, spread = model.fusion.collect[0], model.fusion.spread[0]
    tokens = model.fusion.tokens[0].expand(3, -1, -1)
    narrow = Stream(tokens=tokens, mask=torch.ones(3, 4, dtype=torch.bool), segments=())
    met = (collect["a"](narrow, streams["a"]) + collect["c"](narrow, streams["c"])) / 2
    for m in "abc":
        assert same(found[m].tokens, spread[m](streams[m], narrow.with_tokens(met)))
    spoilt = without({**streams, "b": streams["b"].with_tokens(5 + streams["b"].tokens)}, "b")
    assert same(model.fusion.exchange(0, spoilt, spoilt)["a"].tokens, found["a"].tokens)


def test_bottleneck_leaves_out_a_modality_sample_by_sample() -> None:
    model = branch(Bottleneck)
    streams = embedded(model)
    streams["b"].mask[1] = False
    found = model.fusion.exchange(0, streams, streams)["a"].tokens
    absent = model.fusion.exchange(0, without(streams, "b"), streams)["a"].tokens
    assert same(found[1], absent[1]) and not same(found[0], absent[0])


def test_bottleneck_lets_nothing_pass_beside_its_tokens() -> None:
    """Where the reading of a modality is cut, the others know nothing of it."""
    model = branch(Bottleneck)
    streams = embedded(model)
    collect = model.fusion.collect[0]["b"]
    with torch.no_grad():
        collect.out.weight.zero_()
    before = model.fusion.exchange(0, streams, streams)
    other = {**streams, "b": streams["b"].with_tokens(streams["b"].tokens.flip(0))}
    after = model.fusion.exchange(0, other, other)
    assert same(after["a"].tokens, before["a"].tokens)
    assert not same(after["b"].tokens, before["b"].tokens)


def test_latent_array_is_as_long_whatever_it_reads() -> None:
    model = branch(LatentArray)
    for length in (1, 5, 13):
        inputs = tiny.inputs(3, length=length)
        merged = model.fusion.merge_inputs(model.embed(inputs))
        assert list(merged) == [JOINT]
        assert merged[JOINT].tokens.shape == (3, 8, tiny.size().width)
        encoded = model.encode(model.embed(inputs))
        assert encoded[JOINT].tokens.shape == (3, 8, tiny.size().width)


def test_latent_array_reads_again_from_the_stems() -> None:
    """A <- mean over modalities of A + Attn(A, Z_m) and its network, Z_m as the stems made it."""
    model = branch(LatentArray)
    streams = embedded(model)
    array = model.fusion.merge_inputs(streams)[JOINT]
    later: Streams = {JOINT: array.with_tokens(array.tokens + 1)}
    found = model.fusion.exchange(0, later, streams)[JOINT].tokens
    read = [model.fusion.reads[1][m](later[JOINT], streams[m]) for m in "abc"]
    assert same(found, sum(x + model.fusion.mlps[1][m](x) for m, x in zip("abc", read, strict=True)) / 3)  # type: ignore[arg-type]


def test_film_scales_and_shifts_by_the_mean_of_the_others() -> None:
    model = branch(FiLM)
    streams = embedded(model)
    found = model.fusion.exchange(0, streams, streams)
    for m in "abc":
        layer_norm, linear = model.fusion.modulate[0][m]
        mean = all_real_mean([streams[n] for n in "abc" if n != m])
        gamma, beta = linear(norm(mean) * layer_norm.weight + layer_norm.bias).chunk(2, dim=-1)
        own = streams[m].tokens
        assert same(found[m].tokens, own + gamma[:, None] * norm(own) + beta[:, None])


def test_film_without_modulation_changes_nothing() -> None:
    model = branch(FiLM)
    streams = embedded(model)
    with torch.no_grad():
        for p in model.fusion.modulate.parameters():
            p.zero_()
    found = model.fusion.exchange(0, streams, streams)
    assert all(torch.equal(found[m].tokens, streams[m].tokens) for m in "abc")


def test_mmtm_squeezes_all_and_excites_each() -> None:
    model = branch(MMTM)
    streams = embedded(model)
    found = model.fusion.exchange(0, streams, streams)
    joint = F.relu(model.fusion.squeeze[0](torch.cat([real_mean(streams[m]) for m in "abc"], dim=-1)))
    assert joint.shape == (3, 3 * tiny.size().width // 2)
    for m in "abc":
        gate = 2 / (1 + (-model.fusion.excite[0][m](joint)).exp())
        assert same(found[m].tokens, gate[:, None] * streams[m].tokens)


def test_mmtm_with_closed_excitation_changes_nothing() -> None:
    model = branch(MMTM)
    streams = embedded(model)
    with torch.no_grad():
        for p in model.fusion.excite.parameters():
            p.zero_()
    found = model.fusion.exchange(0, streams, streams)
    assert all(torch.equal(found[m].tokens, streams[m].tokens) for m in "abc")


def test_helpers_mean_is_that_of_real_tokens() -> None:
    stream = random_stream(6)
    stream.mask[:] = torch.tensor([True, False, True, False, False, False])
    assert same(real_mean(stream), (stream.tokens[:, 0] + stream.tokens[:, 2]) / 2)
    assert same(all_real_mean([stream, stream]), real_mean(stream))
