"""What is particular to each stem."""

from __future__ import annotations

import pytest
import torch

from mmbench.data.batches import Example
from mmbench.stem.audio import Audio
from mmbench.stem.feature import Feature
from mmbench.stem.image import Image
from mmbench.stem.table import Table
from mmbench.stem.text import Text
from mmbench.stem.video import Video


def test_image_patches_are_squares_in_reading_order() -> None:
    stem = Image(4, (1, 4, 6), patch=2)
    with torch.no_grad():
        stem.position.zero_()
        stem.embed.bias.zero_()
        stem.embed.weight.fill_(1)
    image = torch.zeros(1, 1, 4, 6)
    image[0, 0, :2, 4:] = 1
    image[0, 0, 3, 0] = 5
    tokens, mask = stem(Example(values=image))
    assert tokens[0, :, 0].tolist() == [0, 0, 4, 5, 0, 0]
    assert mask.all()


def test_video_tubelets_span_time_and_space() -> None:
    stem = Video(4, (4, 1, 2, 4), frames=2, patch=2)
    with torch.no_grad():
        stem.position.zero_()
        stem.embed.bias.zero_()
        stem.embed.weight.fill_(1)
    clip = torch.zeros(1, 4, 1, 2, 4)
    clip[0, 2:, 0, :, 2:] = 1
    tokens, mask = stem(Example(values=clip, mask=torch.tensor([[True, False, False, True]])))
    assert tokens[0, :, 0].tolist() == [0, 0, 0, 4], "the masked third frame counts as zeros"
    assert mask.tolist() == [[True, True, True, True]]


def test_audio_token_is_real_when_any_of_its_frames_is() -> None:
    stem = Audio(4, (6, 3), frames=2)
    mask = torch.tensor([[True, True, True, False, False, False]])
    assert stem(Example(values=torch.randn(1, 6, 3), mask=mask))[1].tolist() == [[True, True, False]]


def test_text_treats_identifier_zero_as_padding() -> None:
    stem = Text(4, (5,), vocabulary=7)
    assert stem(Example(values=torch.tensor([[3, 1, 0, 2, 0]])))[1].tolist() == [[True, True, False, True, False]]


def test_a_vector_is_cut_into_tokens_with_projections_of_their_own() -> None:
    stem = Feature(4, (10,), tokens=4)
    tokens, mask = stem(Example(values=torch.randn(2, 10)))
    assert tokens.shape == (2, 4, 4)
    assert mask.shape == (2, 4)
    assert stem.weight.shape == (4, 3, 4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Image(4, (1, 5, 6), patch=2), "image of 5 x 6"),
        (lambda: Audio(4, (7, 3), frames=2), "7 frames"),
        (lambda: Video(4, (4, 1, 2, 3), frames=2, patch=2), "4 x 2 x 3"),
    ],
)
def test_sizes_that_do_not_divide_are_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("features", [10, 7, 64])
def test_a_vector_that_a_sample_lacks_is_masked(features: int) -> None:
    """The mask is over tokens; nothing of a masked token reaches tokens or gradients, not even NaN."""
    stem = Feature(4, (features,), tokens=4)
    whole = torch.randn(3, features)
    length = len(stem.position)
    mask = torch.ones(3, length, dtype=torch.bool)
    mask[1] = False
    spoilt = whole.clone()
    spoilt[1] = float("nan")
    zero = whole.clone()
    zero[1] = 0
    tokens, real = stem(Example(values=spoilt, mask=mask))
    assert torch.equal(real, mask)
    assert torch.equal(tokens, stem(Example(values=zero))[0])
    assert torch.equal(tokens[[0, 2]], stem(Example(values=whole))[0][[0, 2]])
    tokens.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in stem.parameters() if p.grad is not None)


def test_some_tokens_of_a_vector_may_be_masked() -> None:
    stem = Feature(4, (10,), tokens=4)
    mask = torch.tensor([[True, False, True, False]])
    values = torch.randn(1, 10)
    spoilt = values.clone()
    spoilt[0, 3:6] = float("inf")
    spoilt[0, 9] = float("nan")
    tokens, real = stem(Example(values=spoilt, mask=mask))
    assert torch.equal(real, mask)
    assert torch.equal(tokens[0, [0, 2]], stem(Example(values=values))[0][0, [0, 2]])
    assert torch.isfinite(tokens).all()


def test_each_column_of_a_table_is_a_token_and_a_category_an_embedding() -> None:
    stem = Table(4, (6,), widths=[2, 4]).double()
    row = torch.tensor([[0.5, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0]], dtype=torch.float64)
    tokens, mask = stem(Example(values=row))
    assert tokens.shape == (2, 2, 4) and mask.tolist() == [[True, True]] * 2
    assert torch.allclose(tokens[0, 0], 0.5 * stem.weight[0] + stem.bias[0])
    assert torch.allclose(tokens[0, 1], stem.weight[4] + stem.bias[1])
    assert torch.allclose(tokens[1], torch.stack([stem.weight[1], stem.weight[3]]) + stem.bias)
    spoilt = torch.tensor([[float("nan")] * 2 + [0, 0, 1, 0]], dtype=torch.float64)
    tokens, mask = stem(Example(values=spoilt, mask=torch.tensor([[False, True]])))
    assert mask.tolist() == [[False, True]] and torch.allclose(tokens[0, 1], stem.weight[4] + stem.bias[1])
    assert bool(torch.isfinite(tokens).all())
