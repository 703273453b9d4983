"""Streams resampled to one length and stacked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmbench.checks import tiny
from mmbench.checks.common import same
from mmbench.fusion.early_channel import EarlyChannel, resample
from mmbench.model.interfaces import JOINT, Segment, Stream
from tests.support.fusion_parts import branch, random_stream


def plain(tokens_LD: Tensor, length: int) -> Tensor:
    """Every place's part of the sequence, token by token."""
    count = len(tokens_LD)
    rows = []
    for t in range(length):
        start, end = t * count / length, (t + 1) * count / length
        overlaps = [max(0.0, min(r + 1, end) - max(r, start)) for r in range(count)]
        rows.append(sum(o / (end - start) * x for o, x in zip(overlaps, tokens_LD, strict=True)))
    return torch.stack(rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(("tokens", "length"), [(7, 3), (3, 7), (5, 5), (1, 4), (9, 1), (6, 12)])
def test_resample_averages_by_area(tokens: int, length: int) -> None:
    stream = random_stream(tokens)
    found = resample(stream, length)
    for row, x, mask in zip(found, stream.tokens, stream.mask, strict=True):
        assert same(row, plain(x[mask], length))


@pytest.mark.parametrize(("tokens", "length"), [(7, 3), (3, 7), (9, 12), (11, 12)])
def test_resample_keeps_the_mean_of_the_real_tokens(tokens: int, length: int) -> None:
    stream = random_stream(tokens)
    for row, x, mask in zip(resample(stream, length), stream.tokens, stream.mask, strict=True):
        assert same(row.mean(0), x[mask].mean(0))


def test_resample_to_the_same_length_changes_nothing_and_to_twice_repeats() -> None:
    stream = random_stream(6)
    stream.mask[:] = True
    assert same(resample(stream, 6), stream.tokens)
    assert same(resample(stream, 12), stream.tokens.repeat_interleave(2, dim=1))


def test_resample_gives_zeros_where_nothing_is_real() -> None:
    stream = random_stream(6)
    stream.mask[1] = False
    found = resample(stream, 4)
    assert bool((found[1] == 0).all()) and bool((found[0] != 0).any())


def test_one_stream_of_one_length_whatever_goes_in() -> None:
    model, inputs = branch(EarlyChannel), tiny.inputs(3)
    merged = model.fusion.merge_inputs(model.embed(inputs))
    assert list(merged) == [JOINT]
    assert merged[JOINT].tokens.shape == (3, 12, tiny.size().width)
    assert merged[JOINT].segments == (Segment(modality=JOINT, length=12),)
    assert bool(merged[JOINT].mask.all())


def test_a_place_holds_what_the_modalities_hold_there() -> None:
    """Changing the last tokens of one modality leaves the first places alone."""
    model, inputs = branch(EarlyChannel), tiny.inputs(3)
    streams = dict(model.embed(inputs))
    a = streams["a"]
    mask = torch.ones_like(a.mask)
    whole = Stream(tokens=a.tokens, mask=mask, segments=a.segments)
    before = model.fusion.merge_inputs({**streams, "a": whole})[JOINT].tokens
    tokens = a.tokens.clone()
    tokens[:, -1] += 1
    after = model.fusion.merge_inputs({**streams, "a": whole.with_tokens(tokens)})[JOINT].tokens
    # The last of 7 tokens lies in places 12 * 6/7 = 10.3 and above.
    moved = (before - after).abs().amax((0, 2)) > 0
    assert moved.tolist() == [False] * 10 + [True] * 2
