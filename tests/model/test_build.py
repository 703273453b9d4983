from __future__ import annotations

from itertools import product

import pytest
import torch

from mmbench.data.batches import Example
from mmbench.errors import UserError
from mmbench.model.build import Branch, build
from mmbench.model.interfaces import Architecture, Segment, Stream, join
from mmbench.registry import variants
from mmbench.schema.params import Choice
from mmbench.schema.trial import TrialConfig
from tests.support import small

CELLS = list(product(*([n for n, v in variants(a).items() if v.core] for a in ("attention", "fusion", "architecture"))))


def cell(attention: str, fusion: str, architecture: str, *modalities: str) -> TrialConfig:
    return small.config(
        modalities=modalities or ("a", "b"),
        attention=Choice(name=attention),
        fusion=Choice(name=fusion),
        architecture=Choice(name=architecture),
    )


def built(config: TrialConfig, seed: int = 0) -> Architecture:
    torch.manual_seed(seed)
    return build(config, small.spec())


@pytest.mark.parametrize(("attention", "fusion", "architecture"), CELLS)
@pytest.mark.parametrize("modalities", [("a", "b"), ("a", "b", "c")])
def test_every_cell_of_the_article_gives_logits(
    attention: str, fusion: str, architecture: str, modalities: tuple[str, ...]
) -> None:
    inputs, labels = small.splits()["test"].rows(slice(0, 5))
    logits = built(cell(attention, fusion, architecture, *modalities))(inputs)
    assert logits.shape == (5, 3)
    torch.nn.functional.cross_entropy(logits, labels).backward()


def test_equal_seeds_build_equal_models() -> None:
    one, two, other = (built(cell("additive", "concat", "hybrid"), seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_cells_of_one_seed_start_with_equal_stems() -> None:
    """The stems are drawn first, so that cells of one seed see the same tokens before training."""
    stems = [built(cell(*names)).fused.stems.state_dict() for names in CELLS]
    assert all(torch.equal(stems[0][k], other[k]) for other in stems for k in stems[0])


def test_a_single_modality_has_neither_fusion_nor_embedding() -> None:
    config = small.config(role="single", modalities=("c",), fusion=None, architecture=None)
    model = built(config)
    inputs, _ = small.splits()["test"].rows(slice(0, 4))
    assert model({"c": inputs["c"]}).shape == (4, 3)
    assert len([m for m in model.modules() if isinstance(m, Branch)]) == 1


def test_modalities_that_are_not_asked_for_do_not_matter() -> None:
    model = built(cell("scaled_dot_product", "cross_attention", "hybrid"))
    inputs, _ = small.splits()["test"].rows(slice(0, 4))
    without = {name: x for name, x in inputs.items() if name != "c"}
    assert torch.equal(model(inputs), model(without))


@pytest.mark.parametrize("axis", ["attention", "fusion", "architecture"])
def test_unknown_names_are_told(axis: str) -> None:
    with pytest.raises(UserError, match=f"unknown {axis} 'meen' in trial"):
        build(small.config(**{axis: Choice(name="meen")}), small.spec())


def test_options_reach_the_mechanism() -> None:
    def parameters(score_dim: int) -> int:
        attention = Choice(name="additive", options={"score_dim": score_dim})
        return sum(p.numel() for p in built(small.config(attention=attention)).parameters())

    assert parameters(6) > parameters(5)


def test_no_projection_of_queries_and_keys_where_content_is_ignored() -> None:
    mean, dot = (built(cell(name, "concat", "independent")) for name in ("mean", "scaled_dot_product"))
    weights = [sum(p.numel() for p in m.fused.layers[0].project.parameters()) for m in (mean, dot)]
    assert weights == [2 * (16 + 8 * 8), 2 * (16 + 3 * 8 * 8)]


def test_join_keeps_order_masks_and_origin() -> None:
    def stream(name: str, length: int, value: float) -> Stream:
        return Stream(
            tokens=torch.full((2, length, 3), value),
            mask=torch.ones(2, length, dtype=torch.bool),
            segments=(Segment(modality=name, length=length),),
        )

    joined = join([stream("x", 2, 1.0), stream("y", 1, 2.0)])
    assert joined.tokens[0, :, 0].tolist() == [1, 1, 2]
    assert joined.segments == (Segment(modality="x", length=2), Segment(modality="y", length=1))
    assert joined.mask.shape == (2, 3)


def test_filled_blanks_masked_steps_alone() -> None:
    values = torch.tensor([[[1.0, 2.0], [float("nan"), 3.0]]])
    example = Example(values=values, mask=torch.tensor([[True, False]]))
    assert example.filled().tolist() == [[[1, 2], [0, 0]]]
    assert Example(values=values).filled() is values
