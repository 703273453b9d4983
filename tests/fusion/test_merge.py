"""Late fusions: what each makes of the summaries, against its formula."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmbench.checks import tiny
from mmbench.checks.common import same
from mmbench.fusion import bilinear_pool
from mmbench.fusion.bilinear_pool import BilinearPool
from mmbench.fusion.evidential import Evidential
from mmbench.fusion.gated_unit import GatedUnit
from mmbench.fusion.logit_sum import LogitSum
from mmbench.fusion.low_rank_tensor import LowRankTensor
from mmbench.fusion.product_of_experts import ProductOfExperts
from mmbench.fusion.tensor import TensorFusion
from mmbench.fusion.weighted_vote import WeightedVote
from tests.support.fusion_parts import fused, summaries

COUNTS = (2, 3, 4)
WIDTH = tiny.size().width


def before_the_head(fusion: Any, s: dict[str, Tensor]) -> Tensor:
    """What the fusion hands to its head, (B, D)."""
    seen: list[Tensor] = []
    hook = fusion.head.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    fusion.merge_outputs(s)
    hook.remove()
    return seen[0]


def with_one(s: Tensor) -> Tensor:
    return torch.cat([s, torch.ones(1, dtype=s.dtype)])


@pytest.mark.parametrize("count", COUNTS)
def test_tensor_is_the_outer_product(count: int) -> None:
    fusion: Any = fused(TensorFusion, count)
    s = summaries(count)
    product = before_the_head(fusion, s)
    for b, row in enumerate(product):
        vectors = [with_one(fusion.project[m](x[b])) for m, x in s.items()]
        letters = "abcd"[:count]
        assert same(row, torch.einsum(",".join(letters) + "->" + letters, *vectors).flatten())


def test_tensor_projects_where_the_product_would_be_too_large() -> None:
    """Three summaries go in whole; four are projected to at most 16 dimensions, and as many as 65,536 numbers allow."""
    assert all(isinstance(p, nn.Identity) for p in fused(TensorFusion, 3).project.values())
    four: Any = fused(TensorFusion, 4)
    assert {p.out_features for p in four.project.values()} == {min(16, WIDTH)}

    def sizes(width: int, count: int) -> tuple[int, int]:
        names = tuple("abcdefgh"[:count])
        kit = type("Kit", (), {})()
        kit.modalities, kit.width, kit.head = names, width, lambda inputs: nn.Linear(inputs, 1)
        fusion: Any = TensorFusion(kit)
        first = fusion.project["a"]
        return getattr(first, "out_features", width), fusion.head.in_features

    assert sizes(39, 3) == (39, 40**3)
    assert sizes(64, 3) == (16, 17**3)
    assert sizes(64, 2) == (64, 65**2)
    assert sizes(64, 4) == (15, 16**4)
    assert sizes(64, 6) == (5, 6**6)
    assert sizes(8, 4) == (8, 9**4)


@pytest.mark.parametrize("count", COUNTS)
def test_low_rank_tensor_is_the_outer_product_under_its_full_weight(count: int) -> None:
    fusion: Any = fused(LowRankTensor, count)
    s = summaries(count)
    letters = "abcd"[:count]
    factors = [fusion.factors[m] for m in s]
    # (D + 1) x ... x (D + 1) x D, formed for once.
    weight = torch.einsum(",".join(f"r{x}z" for x in letters) + f",r->{letters}z", *factors, fusion.weight)
    assert weight.shape == (*[WIDTH + 1] * count, WIDTH)
    found = before_the_head(fusion, s)
    for b, row in enumerate(found):
        vectors = [with_one(x[b]) for x in s.values()]
        product = torch.einsum(",".join(letters) + "->" + letters, *vectors)
        assert same(row, torch.tensordot(product, weight, count) + fusion.bias)


def test_low_rank_tensor_trains_its_factors() -> None:
    fusion: Any = fused(LowRankTensor)
    shapes = [tuple(p.shape) for name, p in fusion.named_parameters() if name.startswith("factors")]
    assert shapes == [(4, WIDTH + 1, WIDTH)] * 3


def test_bilinear_pool_is_its_formula() -> None:
    fusion: Any = fused(BilinearPool)
    s = summaries()
    found = before_the_head(fusion, s)
    for b, row in enumerate(found):
        a, b_, c = (fusion.project[m](x[b]).view(WIDTH, 4) for m, x in s.items())
        z = (a * b_ * c).sum(1)
        root = z.sign() * z.abs().sqrt()
        # Up to the rounding of the root below 1e-4.
        assert same(row, root / root.norm() * WIDTH**0.5, 1e-3)


def test_bilinear_pool_does_not_know_the_size_of_the_product() -> None:
    """Rescaling one modality's projection by any c > 0 changes nothing, up to the softened root."""
    fusion: Any = fused(BilinearPool)
    s = summaries()
    before = before_the_head(fusion, s)
    for c in (7.0, 1000.0):
        with torch.no_grad():
            for p in fusion.project["b"].parameters():
                p.mul_(c)
        assert same(before_the_head(fusion, s), before, 1e-3)
    with torch.no_grad():
        for p in fusion.project["b"].parameters():
            p.mul_(-1)
    assert same(before_the_head(fusion, s), -before, 1e-3)


def test_bilinear_pool_has_a_finite_slope_at_nothing() -> None:
    """A modality that says 0 makes the product 0, where a bare root has no slope."""
    fusion: Any = fused(BilinearPool)
    with torch.no_grad():
        fusion.project["b"].bias.zero_()
    s = summaries()
    s["b"] = torch.zeros_like(s["b"]).requires_grad_()
    fusion.merge_outputs(s).sum().backward()
    assert bool(torch.isfinite(s["b"].grad).all())
    assert bilinear_pool.SOFT > 0


def test_gated_unit_is_its_formula() -> None:
    fusion: Any = fused(GatedUnit)
    s = summaries()
    found = before_the_head(fusion, s)
    for b, row in enumerate(found):
        together = torch.cat([x[b] for x in s.values()])
        expected = torch.zeros(WIDTH, dtype=row.dtype)
        for i, (m, x) in enumerate(s.items()):
            part = slice(i * WIDTH, (i + 1) * WIDTH)
            gate = 1 / (1 + (-(fusion.gates.weight[part] @ together + fusion.gates.bias[part])).exp())
            expected = expected + gate * torch.tanh(fusion.features[m](x[b]))
        assert same(row, expected)


def test_logit_sum_adds_what_each_modality_says() -> None:
    fusion: Any = fused(LogitSum)
    s = summaries()
    assert same(fusion.merge_outputs(s), sum(fusion.heads[m](x) for m, x in s.items()))  # type: ignore[arg-type]
    # A change of one modality moves the logits by as much whatever the others say.
    other, elsewhere = summaries(seed=1), summaries(seed=2)
    moved = fusion.merge_outputs({**s, "a": other["a"]}) - fusion.merge_outputs(s)
    alike = {**elsewhere, "a": s["a"]}
    assert same(fusion.merge_outputs({**alike, "a": other["a"]}) - fusion.merge_outputs(alike), moved)


def test_logit_sum_is_the_product_of_the_predicted_distributions() -> None:
    fusion: Any = fused(LogitSum)
    s = summaries()
    product = torch.stack([torch.softmax(fusion.heads[m](x), -1) for m, x in s.items()]).prod(0)
    assert same(torch.softmax(fusion.merge_outputs(s), -1), product / product.sum(-1, keepdim=True))


def test_weighted_vote_is_a_mixture() -> None:
    fusion: Any = fused(WeightedVote)
    s = summaries()
    found = fusion.merge_outputs(s).exp()
    assert same(found.sum(-1), torch.ones(4, dtype=found.dtype))
    gate = torch.softmax(fusion.gate(torch.cat(list(s.values()), dim=-1)), -1)
    votes = torch.stack([torch.softmax(fusion.heads[m](x), -1) for m, x in s.items()])
    assert same(found, sum(gate[:, i, None] * vote for i, vote in enumerate(votes)))  # type: ignore[arg-type]
    assert bool((found <= votes.amax(0) + 1e-12).all()) and bool((found >= votes.amin(0) - 1e-12).all())
    assert float(gate.detach().std(0).max()) > 0.01, "weights depend on the sample"


def test_product_of_experts_is_the_product_of_gaussians() -> None:
    """Mean of the product of N(mu_m, 1/t_m) and N(0, 1), by numerical integration over each logit."""
    fusion: Any = fused(ProductOfExperts)
    s = summaries(batch=2)
    found = fusion.merge_outputs(s)
    x = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    for b, c in itertools.product(range(2), range(tiny.CLASSES)):
        log_density = -x.square() / 2
        for m, summary in s.items():
            mu = fusion.means[m](summary)[b, c]
            t = (1 + fusion.precisions[m](summary)[b, c].exp()).log()
            log_density = log_density - t * (x - mu).square() / 2
        density = log_density.exp()
        assert same((x * density).sum() / density.sum(), found[b, c])


def test_an_expert_that_is_not_sure_says_nothing() -> None:
    fusion: Any = fused(ProductOfExperts)
    nn.init.constant_(fusion.precisions["b"][-1].bias, -60.0)
    s = summaries()
    assert same(fusion.merge_outputs({**s, "b": summaries(seed=1)["b"]}), fusion.merge_outputs(s))


Masses = dict[frozenset[int], Tensor]
"""Of a sample: a mass for every single class, and one for the set of all, which is doubt."""


def masses(fusion: Any, name: str, summary: Tensor) -> Masses:
    evidence = (1 + fusion.heads[name](summary).exp()).log()
    classes = len(evidence)
    total = (evidence + 1).sum()
    found = {frozenset([c]): evidence[c] / total for c in range(classes)}
    return {**found, frozenset(range(classes)): classes / total}


def dempster(one: Masses, two: Masses) -> Masses:
    """Dempster's rule for any masses: products go to the intersection, what goes to nothing is shared out."""
    found: Masses = {}
    conflict = torch.zeros((), dtype=torch.float64)
    for (a, mass_a), (b, mass_b) in itertools.product(one.items(), two.items()):
        both = a & b
        if not both:
            conflict = conflict + mass_a * mass_b
            continue
        found[both] = found.get(both, torch.zeros((), dtype=torch.float64)) + mass_a * mass_b
    return {a: mass / (1 - conflict) for a, mass in found.items()}


@pytest.mark.parametrize("count", COUNTS)
def test_evidential_is_dempsters_rule_in_any_order(count: int) -> None:
    fusion: Any = fused(Evidential, count)
    s = summaries(count, batch=2)
    found = fusion.merge_outputs(s).exp()
    everything = frozenset(range(tiny.CLASSES))
    for b in range(2):
        for order in itertools.permutations(s):
            combined = masses(fusion, order[0], s[order[0]][b])
            for m in order[1:]:
                combined = dempster(combined, masses(fusion, m, s[m][b]))
            assert same(sum(combined.values()), torch.ones((), dtype=torch.float64))  # type: ignore[arg-type]
            expected = [combined[frozenset([c])] + combined[everything] / tiny.CLASSES for c in range(tiny.CLASSES)]
            assert same(found[b], torch.stack(expected))


def test_evidential_gives_log_probabilities_and_ignores_who_has_no_evidence() -> None:
    fusion: Any = fused(Evidential)
    s = summaries()
    assert same(fusion.merge_outputs(s).exp().sum(-1), torch.ones(4, dtype=torch.float64))
    nn.init.constant_(fusion.heads["b"][-1].bias, -60.0)
    assert same(fusion.merge_outputs({**s, "b": summaries(seed=1)["b"]}), fusion.merge_outputs(s))


def test_evidential_stays_finite_in_full_conflict() -> None:
    fusion: Any = fused(Evidential).float()
    for m, at in (("a", 0), ("b", 1), ("c", 2)):
        with torch.no_grad():
            fusion.heads[m][-1].bias.fill_(-100.0)
            fusion.heads[m][-1].bias[at] = 1e4
    s = {m: x.float().requires_grad_() for m, x in summaries().items()}
    logits = fusion.merge_outputs(s)
    logits.sum().backward()
    assert bool(torch.isfinite(logits).all()) and all(bool(torch.isfinite(x.grad).all()) for x in s.values())
