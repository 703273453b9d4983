"""Where one mechanism becomes another: limits, exact cases, and approximations that converge, all in float64."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.attention.adaptive_span import AdaptiveSpan
from mmbench.attention.bilinear import Bilinear
from mmbench.attention.cosine import Cosine
from mmbench.attention.differential import Differential
from mmbench.attention.dot import Dot
from mmbench.attention.entmax import Entmax, entmax
from mmbench.attention.gated import Gated
from mmbench.attention.linformer import Linformer
from mmbench.attention.local import Local
from mmbench.attention.nystrom import Nystrom
from mmbench.attention.performer import Performer
from mmbench.attention.routed import Routed
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.attention.topk import TopK
from mmbench.checks.common import gradients, same
from mmbench.checks.mechanism import HEAD_DIM, HEADS, Sample, output, sample
from mmbench.model.interfaces import Attention

LENGTHS = [(5, 7), (7, 5), (1, 6), (6, 1), (30, 30), (19, 23)]


def made(kind: type[Attention], **options: Any) -> Any:
    torch.manual_seed(0)
    return kind(HEADS, HEAD_DIM, **options).double()


def exact(s: Sample) -> Tensor:
    return output(made(ScaledDotProduct), s)


def at_real_queries(y: Tensor, s: Sample) -> Tensor:
    return y.transpose(1, 2)[s.q_mask]


def assert_is_softmax_attention(module: Attention, s: Sample, tolerance: float = 1e-9) -> None:
    """Outputs at real queries and the gradients that come from there."""
    found, plain = at_real_queries(output(module, s), s), at_real_queries(exact(s), s)
    assert same(found, plain, tolerance)
    found_gradients, plain_gradients = gradients(found, s.inputs()), gradients(plain, s.inputs())
    for name in s.inputs():
        assert same(found_gradients[name], plain_gradients[name], tolerance), name


@pytest.mark.parametrize(("queries", "keys"), LENGTHS)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TopK, {"k": 30}),
        (Linformer, {"slots": 30}),
        (Local, {"window": 30}),
        # Half as wide, and all tokens are global.
        (Local, {"window": 3, "global_tokens": 30}),
    ],
    ids=str,
)
def test_as_wide_as_the_sequence_is_exact(
    kind: type[Attention], options: dict[str, int], queries: int, keys: int
) -> None:
    assert_is_softmax_attention(made(kind, **options), sample(3, queries, keys))


@pytest.mark.parametrize(
    ("kind", "options"), [(TopK, {"k": 3}), (Linformer, {"slots": 3}), (Local, {"window": 3}), (Nystrom, {})], ids=str
)
def test_narrower_than_the_sequence_is_not_exact(kind: type[Attention], options: dict[str, int]) -> None:
    """Else the test above would say nothing."""
    s = sample(3, 30, 30)
    off = at_real_queries(output(made(kind, **options), s) - exact(s), s)
    assert float(off.detach().abs().max()) > 0.01


@pytest.mark.parametrize(("queries", "keys"), LENGTHS)
def test_nystrom_with_a_landmark_a_token_is_exact_in_the_limit(queries: int, keys: int) -> None:
    """With every key a landmark and every query too, s(q~ k~) is the whole softmax matrix A, and A A^+ A = A.

    The first factor times the pseudo-inverse projects on A's columns, so nothing is lost whatever A's rank.
    """
    s = sample(3, queries, keys)
    plain = at_real_queries(exact(s), s)

    def error(iterations: int) -> float:
        found = output(made(Nystrom, landmarks=30, iterations=iterations), s)
        return float((at_real_queries(found, s) - plain).detach().abs().max())

    errors = [error(iterations) for iterations in (6, 12, 60)]
    assert errors[2] < 1e-7
    assert errors[0] >= errors[1] - 1e-12 and errors[1] >= errors[2] - 1e-12


def error(kind: type[Attention], samples: list[Sample], **options: int) -> float:
    """Root mean square error against exact softmax attention."""
    module = made(kind, **options)
    off = [at_real_queries(output(module, s) - exact(s), s) for s in samples]
    return float(torch.cat(off).detach().square().mean().sqrt())


@pytest.mark.parametrize(("kind", "option"), [(Linformer, "slots"), (Local, "window"), (TopK, "k")], ids=str)
def test_what_is_left_out_matters_less_with_size(kind: type[Attention], option: str) -> None:
    samples = [sample(4, 32, 32, seed=i) for i in range(5)]
    errors = [error(kind, samples, **{option: size}) for size in (1, 4, 16, 32)]
    assert errors[0] > errors[1] > errors[2] >= errors[3]
    assert errors[3] < 1e-9 < 0.01 < errors[1]


def smooth(length: int, *, seed: int) -> Tensor:
    """Random sums of three slow cosines, so that neighbours resemble each other: (2, H, L, d)."""
    g = torch.Generator().manual_seed(seed)
    waves = torch.stack([torch.cos(torch.pi * f * torch.linspace(0, 1, length, dtype=torch.float64)) for f in range(4)])
    return torch.einsum("fl,bhfd->bhld", waves, torch.randn(2, HEADS, 4, HEAD_DIM, dtype=torch.float64, generator=g))


def test_nystrom_comes_nearer_with_landmarks() -> None:
    """At the paper's 6 iterations; and few landmarks do where neighbours resemble each other.

    On unrelated tokens, as here first, few landmarks and an exact inverse would be far off: such is the method.
    """
    samples = [sample(4, 32, 32, seed=i) for i in range(5)]
    errors = [error(Nystrom, samples, landmarks=n) for n in (4, 8, 16, 32)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < 0.01 < 0.1 < errors[0]
    long = replace(sample(2, 256, 256), **{name: smooth(256, seed=i) for i, name in enumerate("qkv")})
    errors = [error(Nystrom, [long], landmarks=n) for n in (1, 4, 16)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert error(Nystrom, [long], landmarks=16, iterations=12) < 1e-3


def performer_error(features: int, seeds: int, s: Sample) -> float:
    """Root mean square error against exact softmax attention, over drawings of the directions."""
    squares = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        module = Performer(HEADS, HEAD_DIM, features=features).double()
        squares.append((output(module, s) - exact(s)).detach().square().mean())
    return float(torch.stack(squares).mean().sqrt())


def test_performer_converges_as_one_over_the_root_of_its_features() -> None:
    s = sample(2, 5, 7, scale=0.7)
    sizes = (64, 256, 1024)
    errors = [performer_error(r, 40, s) for r in sizes]
    slope = (math.log(errors[-1]) - math.log(errors[0])) / (math.log(sizes[-1]) - math.log(sizes[0]))
    assert -0.6 < slope < -0.4
    assert errors[-1] < 0.03


def test_performer_estimates_the_kernel_without_bias() -> None:
    """The mean over many directions of exp(w x - |x|^2/2) exp(w y - |y|^2/2) is exp(x y), within its standard error."""
    torch.manual_seed(0)
    s = sample(1, 3, 4, scale=0.4)
    drawn = []
    for _ in range(400):
        module = Performer(HEADS, HEAD_DIM, features=64).double()
        # The features as the mechanism computes them, with the factors it takes off put back.
        w, scale = module.directions, HEAD_DIM**-0.25
        query, key = (x.detach() * scale for x in (s.q[0], s.k[0]))
        logs = [x @ w.mT.double() - x.square().sum(-1, keepdim=True) / 2 for x in (query, key)]
        found = (module._features(s.q, None)[0].detach() - 1e-6) * logs[0].amax(-1, keepdim=True).exp()
        assert same(found, logs[0].exp())
        drawn.append(found @ logs[1].exp().mT / w.shape[1])
    estimate, kernel = torch.stack(drawn), (s.q[0] @ s.k[0].mT / HEAD_DIM**0.5).exp().detach()
    error = estimate.mean(0) - kernel
    assert bool((error.abs() < 4 * estimate.std(0) / len(drawn) ** 0.5).all())
    assert float((error / kernel).abs().max()) < 0.05


def sparsemax(scores: Tensor) -> Tensor:
    """Martins and Astudillo 2016, algorithm 1, along the last axis: by sorting."""
    z = scores.sort(dim=-1, descending=True).values
    k = torch.arange(1, z.shape[-1] + 1)
    inside = 1 + k * z > z.cumsum(-1)
    count = inside.sum(-1, keepdim=True)
    tau = (z.cumsum(-1).gather(-1, count - 1) - 1) / count
    return (scores - tau).clamp(min=0)


def scores(*shape: int, scale: float) -> Tensor:
    torch.manual_seed(3)
    return (scale * torch.randn(*shape, dtype=torch.float64)).requires_grad_()


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_entmax_at_two_is_sparsemax(scale: float) -> None:
    x = scores(50, 9, scale=scale)
    found, plain = entmax(x, torch.tensor(2.0, dtype=torch.float64), iterations=40), sparsemax(x)
    assert same(found, plain)
    assert same(gradients(found, {"x": x})["x"], gradients(plain, {"x": x})["x"])
    assert (plain == 0).any() or scale < 1


def test_entmax_tends_to_softmax_as_alpha_tends_to_one() -> None:
    """The distance falls in proportion to alpha - 1."""
    x = scores(50, 9, scale=1.0)

    def distance(step: float) -> float:
        found = entmax(x, torch.tensor(1 + step, dtype=torch.float64), iterations=40)
        return float((found - torch.softmax(x, -1)).detach().abs().max())

    near, nearer, nearest = distance(1e-2), distance(1e-3), distance(1e-4)
    assert near / nearer == pytest.approx(10, rel=0.05)
    assert nearer / nearest == pytest.approx(10, rel=0.05)
    assert nearest < 1e-4


@pytest.mark.parametrize("alpha", [1.01, 1.3, 1.5, 1.9, 2.0])
@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
def test_entmax_is_a_distribution_of_the_form_that_it_says(alpha: float, scale: float) -> None:
    """p sums to 1 and (p^(alpha - 1) - (alpha - 1) s) is one number, -tau, on the support; beyond it, s lies below."""
    x = scores(50, 9, scale=scale).detach()
    p = entmax(x, torch.tensor(alpha, dtype=torch.float64), iterations=12)
    assert same(p.sum(-1), torch.ones(50, dtype=torch.float64))
    tau = (alpha - 1) * x - p ** (alpha - 1)
    for row, on in zip(tau, p > 0, strict=True):
        assert float(row[on].max() - row[on].min()) < 1e-8
        assert bool((row[~on] <= row[on].mean() + 1e-8).all())


@pytest.mark.parametrize("alpha", [1.3, 1.5, 1.9])
def test_entmax_gradients_agree_with_finite_differences(alpha: float) -> None:
    x, a = scores(4, 5, scale=1.0), torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, a: entmax(x, a, iterations=30), (x, a))


@pytest.mark.parametrize(("shape", "alpha"), [(-40.0, 1.01), (0.0, 1.505), (40.0, 2.0)])
def test_the_mechanism_reaches_both_ends(shape: float, alpha: float) -> None:
    module, s = made(Entmax, iterations=30), sample(3, 5, 7)
    nn.init.constant_(module.shape, shape)
    assert module.alpha().flatten().tolist() == pytest.approx([alpha] * HEADS)
    if alpha == 2:
        masked = (s.q @ s.k.mT / HEAD_DIM**0.5).masked_fill(~s.kv_mask[:, None, None, :], -1e6)
        assert same(output(module, s), sparsemax(masked) @ s.v)
    if alpha == 1.01:
        assert same(output(module, s), exact(s), 0.02)


def test_differential_without_its_second_map_is_softmax_on_the_first_half() -> None:
    module, s = made(Differential), sample(3, 5, 7)
    half = HEAD_DIM // 2
    found = module.difference(s, torch.zeros(HEADS, 1, 1))
    narrow = made(ScaledDotProduct).attend(replace(s, q=s.q[..., :half], k=s.k[..., :half]))[0]
    assert same(found, narrow)
    full = torch.ones(HEADS, 1, 1)
    assert not same(module.difference(s, full), narrow)
    # What two equal maps have in common cancels altogether.
    twice_q, twice_k = (x[..., :half].repeat(1, 1, 1, 2) for x in (s.q, s.k))
    assert same(module.difference(replace(s, q=twice_q, k=twice_k), full), torch.zeros_like(s.q))


def test_adaptive_span_that_reaches_everything_is_softmax() -> None:
    """With z = 1 no distance below 1 is damped; the sigmoid is 1 in float64 from 40 on."""
    module = made(AdaptiveSpan)
    nn.init.constant_(module.span, 40.0)
    for queries, keys in LENGTHS:
        assert_is_softmax_attention(module, sample(3, queries, keys))


def test_adaptive_span_of_nothing_sees_half_the_sequence_at_most() -> None:
    module, s = made(AdaptiveSpan, softness=0.5), sample(1, 21, 21)
    s.kv_mask[:], s.q_mask[:] = True, True
    nn.init.constant_(module.span, -40.0)
    weights = module.attend(s, need_weights=True)[1]
    distance = (torch.arange(21)[:, None] - torch.arange(21)).abs()
    assert bool(((weights > 0) == (distance <= 10)).all())


def test_dot_is_scaled_dot_product_of_longer_queries() -> None:
    s = sample(3, 5, 7)
    assert same(output(made(Dot), s), exact(replace(s, q=s.q * HEAD_DIM**0.5)))


def test_bilinear_with_the_identity_is_scaled_dot_product() -> None:
    module, s = made(Bilinear), sample(3, 5, 7)
    with torch.no_grad():
        module.weight.copy_(torch.eye(HEAD_DIM) / HEAD_DIM**0.5)
    assert_is_softmax_attention(module, s)


def test_cosine_of_unit_vectors_is_dot_product_over_the_temperature() -> None:
    module, s = made(Cosine), sample(3, 5, 7)
    unit = replace(s, q=F.normalize(s.q, dim=-1), k=F.normalize(s.k, dim=-1))
    nn.init.constant_(module.log_factor, -math.log(HEAD_DIM) / 2)
    assert same(output(module, s), exact(unit))
    assert same(output(module, replace(s, q=5 * s.q, k=s.k / 3)), output(module, s)), "lengths play no part"


def test_gated_with_open_gates_is_scaled_dot_product() -> None:
    module = made(Gated)
    nn.init.zeros_(module.weight)
    nn.init.constant_(module.bias, 40.0)
    assert_is_softmax_attention(module, sample(3, 5, 7))
    nn.init.zeros_(module.bias)
    s = sample(3, 5, 7)
    assert same(output(module, s), exact(s) / 2)


def test_routed_uses_more_than_one_expert() -> None:
    """Gates sum to 1, differ from token to token, every expert is some token's first choice, and all are trained."""
    module, s = made(Routed), sample(4, 20, 7)
    gates = module.gates(s.q).detach()
    assert same(gates.sum(-1), torch.ones(4, HEADS, 20, dtype=torch.float64))
    for h in range(HEADS):
        assert set(gates[:, h].argmax(-1).flatten().tolist()) == {0, 1, 2, 3}
    assert float(gates.std(2).min()) > 0.05, "the choice depends on the token"
    entropy = -(gates * gates.log()).sum(-1)
    assert float(entropy.mean()) > 0.5 * math.log(4)
    router = gradients(output(module, s), {"router": module.router})["router"]
    assert bool((router.abs().amax((0, 1)) > 1e-6).all())
    share = gradients(output(module, s), {"q": s.q})
    assert float(share["q"].abs().max()) > 0


@pytest.mark.parametrize("expert", range(4))
def test_routed_with_one_gate_open_is_that_expert(expert: int) -> None:
    """A constant feature of the queries lets a router choose the same expert for all of them."""
    module, s = made(Routed), sample(3, 19, 23)
    with torch.no_grad():
        module.router.zero_()
        module.router[:, 0, expert] = 60.0
    q = s.q.detach().clone()
    q[..., 0] = 1.0
    s = replace(s, q=q)
    alone = cast(Attention, module.experts[expert])
    assert same(output(module, s), output(alone, s).expand_as(s.q))
