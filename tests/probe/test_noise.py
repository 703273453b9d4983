"""Noise hurts who listens, the more the stronger it is, and is the same for all models."""

from __future__ import annotations

import pytest
import torch

from mmbench.data.batches import Example, Split
from mmbench.probe import check_values
from mmbench.probe.noise import Noise
from mmbench.probe.shared.spoiling import spoil, spread
from mmbench.schema.dataset import Modality
from tests.probe.test_contribution import Says, two
from tests.support import small


def found(*names: str) -> dict[str, list[float]]:
    spec, data = two()
    values = Noise().measure(Says(*names).eval(), data, spec, seed=0)
    checked = check_values(Noise.quantities, values, ("a", "b"))
    return {name: x if isinstance(x, list) else [x] for name, x in checked.items()}


def test_it_hurts_the_modality_that_is_read_and_no_other() -> None:
    scores = found("a")
    a, b, clean = scores["noise_scores"][:5], scores["noise_scores"][5:], scores["noise_score_clean"][0]
    assert b == [clean] * 5 and a[0] > a[4] and a[4] < clean
    assert scores["noise_scores_joint"][4] == pytest.approx(a[4], abs=0.1)


def test_the_same_draws_whatever_the_random_state() -> None:
    torch.manual_seed(1)
    one = found("a", "b")
    torch.manual_seed(2)
    assert found("a", "b") == one


def test_padding_stays_padding_and_words_stay_words() -> None:
    words = Example(values=torch.tensor([[1, 2, 0, 0], [3, 3, 3, 0]]).repeat(50, 1))
    spoilt = spoil(words, "c", 5, 0.0, small.spec())
    assert ((spoilt.values == 0) == (words.values == 0)).all()
    assert 0 < (spoilt.values != words.values).float().mean() < 0.75 and spoilt.values.max() <= 5


def test_strength_is_in_the_modality_s_own_deviations() -> None:
    x = Example(values=torch.zeros(100, 4, 2))
    spec, _ = two()
    assert spoil(x, "a", 2, 3.0, spec).values.std().item() == pytest.approx(2 * 0.5 * 3.0, rel=0.1)


def test_words_are_replaced_by_others_and_by_nothing_where_there_is_no_other() -> None:
    spec = small.spec(modalities={"c": Modality(kind="text", shape=(4,), options={"vocabulary": 3})})
    spoilt = spoil(Example(values=torch.ones(500, 4, dtype=torch.int64)), "c", 4, 0.0, spec).values
    assert (spoilt == 2).float().mean().item() == pytest.approx(4 * 0.15, abs=0.05)
    alone = small.spec(modalities={"c": Modality(kind="text", shape=(4,), options={"vocabulary": 2})})
    assert "one word" in (Noise.cannot(alone) or "") and Noise.cannot(spec) is None


def test_images_that_samples_lack_are_no_part_of_the_deviation() -> None:
    there = torch.tensor([True, False]).repeat(50)
    values = torch.randn(100, 1, 4, 4) * 3 * there[:, None, None, None]
    x = Example(values=values, mask=there[:, None].expand(-1, 4))
    assert spread(Split(inputs={"a": x}, labels=torch.zeros(100)), "a") == pytest.approx(3, rel=0.15)


def test_the_deviation_is_of_samples_that_are_drawn_whatever_the_order_of_labels() -> None:
    """Sorted by label, the first samples are of one class, and vary less than all."""
    values = torch.randn(2000, 4, 2) + 6 * (torch.arange(2000) >= 1000)[:, None, None]
    split = Split(inputs={"a": Example(values=values)}, labels=torch.arange(2000) // 1000)
    assert spread(split, "a") == pytest.approx(values.std().item(), rel=0.1)
