"""A modality that is hidden is one that a sample lacks: nothing of it reaches the outputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmbench.data.batches import Example, Inputs
from mmbench.model.build import build
from mmbench.model.hiding import hide, mask_lengths, without
from mmbench.registry import variants
from mmbench.schema.dataset import Modality
from mmbench.schema.params import Choice
from tests.support import small

KINDS = {
    "feature": Modality(kind="feature", shape=(6, 3)),
    "text": Modality(kind="text", shape=(4,), options={"vocabulary": 6}),
    "image": Modality(kind="image", shape=(1, 6, 4), options={"patch": 2}),
    "colour": Modality(kind="image", shape=(3, 4, 4), options={"patch": 2}),
    "audio": Modality(kind="audio", shape=(10, 3), options={"frames": 2}),
    "video": Modality(kind="video", shape=(4, 1, 4, 4), options={"frames": 2, "patch": 2}),
    "table": Modality(kind="table", shape=(7,), options={"widths": [1, 2, 4]}),
}
LENGTHS = {"feature": 6, "text": 4, "image": 6, "colour": 4, "audio": 10, "video": 4, "table": 3}
SPEC = small.spec(modalities=KINDS)


def inputs(seed: int = 0, count: int = 5) -> Inputs:
    g = torch.Generator().manual_seed(seed)
    made = {}
    for name, modality in KINDS.items():
        if modality.kind == "text":
            made[name] = Example(values=torch.randint(1, 6, (count, *modality.shape), generator=g))
        else:
            made[name] = Example(values=torch.randn(count, *modality.shape, generator=g))
    return made


def model(fusion: str = "concat", architecture: str = "independent") -> torch.nn.Module:
    torch.manual_seed(0)
    config = small.config(modalities=tuple(KINDS), fusion=Choice(name=fusion), architecture=Choice(name=architecture))
    return build(config, SPEC).eval()


def test_each_stem_has_a_mask_of_its_own_length() -> None:
    assert mask_lengths(SPEC) == LENGTHS


@pytest.mark.parametrize("fusion", list(variants("fusion")))
def test_what_is_hidden_has_no_influence_and_what_is_shown_has(fusion: str) -> None:
    with torch.inference_mode():
        made, one, other = model(fusion), inputs(0), inputs(1)
        for name in KINDS:
            shown = [m for m in KINDS if m != name]
            changed = {**one, name: other[name]}
            hidden = [made(without(x, shown, LENGTHS)) for x in (one, changed)]
            assert torch.equal(*hidden) and torch.isfinite(hidden[0]).all()
            assert not torch.allclose(made(one), made(changed), atol=1e-6), name


def test_rows_are_hidden_one_by_one_and_what_is_missing_stays_so() -> None:
    one = inputs()
    lacking = torch.ones(5, 6, dtype=torch.bool)
    lacking[0] = False
    one = {**one, "feature": Example(values=one["feature"].values, mask=lacking)}
    rows = torch.tensor([False, True, False, False, True])
    changed = hide(one, {"feature": rows, "text": rows}, LENGTHS)
    assert changed["feature"].mask is not None and changed["text"].mask is not None
    assert changed["feature"].mask.any(1).tolist() == [False, False, True, True, False]
    assert changed["text"].mask.any(1).tolist() == [True, False, True, True, False]
    assert changed["image"] is one["image"]


def test_zeros_are_another_thing_than_a_mask() -> None:
    """What is hidden by zeros still speaks: positions and biases."""
    made, one = model(), inputs()
    zeros = {**one, "image": Example(values=torch.zeros_like(one["image"].values))}
    with torch.inference_mode():
        masked: Tensor = made(without(one, [m for m in KINDS if m != "image"], LENGTHS))
        assert not torch.allclose(made(zeros), masked, atol=1e-4)
