"""The contract of an attention mechanism, checked on the primitive `attend` in float64."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mmbench.checks import model as whole
from mmbench.checks import tiny
from mmbench.checks.common import (
    TOLERANCE,
    Check,
    finite,
    gradients,
    leaves,
    same,
    table,
    trained,
)
from mmbench.registry import Variant, get
from mmbench.types import Attention

HEADS, HEAD_DIM = 2, 4
AWKWARD = ((5, 7), (7, 5), (1, 6), (6, 1), (1, 1), (19, 23))
"""Numbers of queries and keys at which a mechanism is compared with its formula; the last are many."""
ORDERED_AT = ((5, 7), (40, 37), (200, 190))
"""Numbers of queries and keys at which order is tried: a window or a landmark may be longer than a few tokens."""

Reference = Callable[[Attention, int, Tensor, Tensor, Tensor], Tensor]
"""reference(mechanism, head, q (N, d), k (M, d), v (M, d)) -> y (N, d): the formula, for real tokens only.

Queries that are padding are left out too where the mechanism `places_queries`.
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Arguments of one call: q (B, H, N, d), k and v (B, H, M, d), mask (B, M), q_mask (B, N)."""

    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor
    q_mask: Tensor

    def inputs(self) -> dict[str, Tensor]:
        return {"q": self.q, "k": self.k, "v": self.v}


def make(variant: Variant, seed: int = 0, **options: Any) -> Attention:
    """A mechanism in float64, its parameters moved off their initial values, which may hide what they do."""
    torch.manual_seed(seed)
    made = variant.cls(HEADS, HEAD_DIM, **options).double()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p), alpha=0.3)
    return made


def sample(batch: int, queries: int, keys: int, *, seed: int = 0, scale: float = 1.0) -> Sample:
    """Random arguments with padding here and there; the first key and the first query of every sample are real."""
    g = torch.Generator().manual_seed(seed)

    def draw(length: int) -> Tensor:
        x = torch.randn(batch, HEADS, length, HEAD_DIM, dtype=torch.float64, generator=g) * scale
        return x.requires_grad_()

    def scattered(length: int) -> Tensor:
        mask = torch.rand(batch, length, generator=g) < 0.7
        mask[:, 0] = True
        return mask

    mask = scattered(keys)
    return Sample(q=draw(queries), k=draw(keys), v=draw(keys), mask=mask, q_mask=scattered(queries))


def attend(module: Attention, s: Sample, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
    """One call, as the block makes it: without queries and keys where the mechanism ignores them."""
    if module.content_based:
        return module.read(s.q, s.k, s.v, s.mask, s.q_mask, need_weights=need_weights)
    return module.read(None, None, s.v, s.mask, s.q_mask, need_weights=need_weights)


def output(module: Attention, s: Sample) -> Tensor:
    return attend(module, s)[0]


def shapes(variant: Variant) -> None:
    """Declared shapes at odd lengths, batch 1, length 1 and N != M; the type is kept, the inputs are left alone."""
    module = make(variant)
    for batch, queries, keys in ((1, 1, 1), (1, 1, 5), (1, 5, 1), (3, 7, 5), (2, 5, 11), (4, 3, 3)):
        s = sample(batch, queries, keys)
        before = {name: x.detach().clone() for name, x in s.inputs().items()}
        y, weights = attend(module, s, need_weights=True)
        n = queries if module.content_based else 1
        where = f"{variant.name}: at B={batch}, N={queries}, M={keys}"
        assert y.shape == (batch, HEADS, n, HEAD_DIM), f"{where} y is {tuple(y.shape)}"
        assert y.dtype == s.v.dtype, f"{where} y is {y.dtype}, given {s.v.dtype}"
        if weights is not None:
            assert weights.shape == (batch, HEADS, n, keys), f"{where} weights are {tuple(weights.shape)}"
        assert attend(module, s)[1] is None, f"{where} weights are returned unasked"
        for name, x in s.inputs().items():
            assert same(x, before[name]), f"{where} {name} was changed in place"


def gradients_reach_parameters(variant: Variant) -> None:
    """Every registered parameter gets a gradient that is not zero, from its initial value on."""
    torch.manual_seed(0)
    module = variant.cls(HEADS, HEAD_DIM).double()
    largest = dict.fromkeys(trained(module), 0.0)
    for seed in range(3):
        found = gradients(output(module, sample(3, 5, 7, seed=seed)), trained(module))
        assert finite(found.values()), f"{variant.name}: a parameter's gradient is not finite"
        largest = {name: max(largest[name], float(g.abs().max())) for name, g in found.items()}
    dead = [name for name, size in largest.items() if size == 0]
    assert not dead, f"{variant.name}: no gradient reaches {', '.join(dead)}"


def gradients_reach_inputs(variant: Variant) -> None:
    """Values matter, and queries and keys too, unless the mechanism says that it ignores content."""
    module = make(variant)
    s = sample(3, 5, 7)
    found = gradients(output(module, s), s.inputs())
    for name in ("q", "k", "v") if module.content_based else ("v",):
        assert float(found[name].abs().max()) > TOLERANCE, (
            f"{variant.name}: {name} does not matter; say `content_based = False` if that is meant"
        )


def trained_tensors_are_registered(variant: Variant) -> None:
    """Whatever asks for a gradient is a registered parameter, so that the optimiser sees it."""
    module = make(variant)
    s = sample(2, 3, 5)
    known = {id(x) for x in [*module.parameters(), *s.inputs().values()]}
    strangers = [tuple(x.shape) for x in leaves(output(module, s)) if id(x) not in known]
    assert not strangers, f"{variant.name}: tensors {strangers} are trained but not registered as parameters"


def independent_of_batch_mates(variant: Variant) -> None:
    """A sample alone gives what it gives in a batch."""
    module = make(variant)
    s = sample(4, 5, 7)
    together = output(module, s)
    for i in range(4):
        alone = Sample(**{name: x[i : i + 1] for name, x in vars(s).items()})
        assert same(output(module, alone)[0], together[i]), (
            f"{variant.name}: the output of a sample depends on its batch mates"
        )


def _garbage(s: Sample, size: float) -> Sample:
    """The same sample with huge values in its padding."""
    padding = ~s.mask[:, None, :, None]

    def spoil(x: Tensor) -> Tensor:
        return x.detach().masked_fill(padding, size).requires_grad_()

    return replace(s, k=spoil(s.k), v=spoil(s.v))


def padding_does_not_matter(variant: Variant) -> None:
    """What lies in padding, and how much padding there is, changes no output."""
    module = make(variant)
    s = sample(3, 5, 7)
    clean = output(module, s)
    for size in (1e4, -1e4):
        assert same(output(module, _garbage(s, size)), clean), f"{variant.name}: padding tokens change the output"

    def longer(x: Tensor) -> Tensor:
        return torch.cat([x, x[:, :, :3] + 1], dim=2)

    mask = torch.cat([s.mask, torch.zeros(3, 3, dtype=torch.bool)], dim=1)
    padded = replace(s, k=longer(s.k), v=longer(s.v), mask=mask)
    assert same(output(module, padded), clean), f"{variant.name}: the output depends on the amount of padding"


def padding_gets_no_gradient(variant: Variant) -> None:
    """Padding gets no gradient and changes none."""
    module = make(variant)
    s = sample(3, 5, 7)
    clean = gradients(output(module, s), s.inputs() | trained(module))
    spoilt_sample = _garbage(s, 1e4)
    spoilt = gradients(output(module, spoilt_sample), spoilt_sample.inputs() | trained(module))
    for name in ("k", "v"):
        leak = float(clean[name].masked_select(~s.mask[:, None, :, None]).abs().max())
        assert leak == 0, f"{variant.name}: padding tokens of {name} get gradients"
    for name in clean:
        assert same(clean[name], spoilt[name]), f"{variant.name}: padding tokens change the gradient of {name}"


def padded_queries_do_not_matter(variant: Variant) -> None:
    """What lies in queries that are padding, and how many there are, changes nothing for real ones.

    Neither outputs nor gradients; the padded queries get none from them, and their own outputs are finite.
    """
    module = make(variant)
    if not module.content_based:
        return
    for queries, keys in AWKWARD:
        s = sample(3, queries, keys)
        clean = _at_real_queries(module, s)
        wanted = gradients(clean, s.inputs() | trained(module))
        padding = ~s.q_mask[:, None, :, None]
        assert bool((wanted["q"].masked_select(padding) == 0).all()), f"{variant.name}: padded queries get gradients"
        for size in (1e4, -1e4):
            spoilt = replace(s, q=s.q.detach().masked_fill(padding, size).requires_grad_())
            y = _at_real_queries(module, spoilt)
            assert same(y, clean), f"{variant.name}: padded queries change what real ones read"
            found = gradients(y, spoilt.inputs() | trained(module))
            for name, g in found.items():
                assert same(g, wanted[name]), f"{variant.name}: padded queries change the gradient of {name}"
        more = torch.cat([s.q, s.q[:, :, :1].expand(-1, -1, 30, -1) + 1], dim=2)
        longer = replace(s, q=more, q_mask=torch.nn.functional.pad(s.q_mask, (0, 30)))
        assert same(_at_real_queries(module, longer), clean), (
            f"{variant.name}: y depends on the amount of padded queries"
        )
        nobody = replace(s, q_mask=s.q_mask & (torch.arange(3) != 1)[:, None])
        y = output(module, nobody)
        assert finite([y]), f"{variant.name}: y is not finite where no query is real"
        assert finite(gradients(y, s.inputs() | trained(module)).values()), (
            f"{variant.name}: gradients are not finite where no query is real"
        )


def _at_real_queries(module: Attention, s: Sample) -> Tensor:
    """y of the real queries, (all real queries, H, d)."""
    return output(module, s).transpose(1, 2)[s.q_mask]


def order_of_keys_matters_as_said(variant: Variant) -> None:
    """Permuting keys, values and mask together changes nothing, unless the mechanism is `ordered`; then it does."""
    module = make(variant)
    moves = False
    for queries, keys in ORDERED_AT:
        s = sample(2, queries, keys)
        order = torch.randperm(keys, generator=torch.Generator().manual_seed(1))
        shuffled = replace(s, k=s.k[:, :, order], v=s.v[:, :, order], mask=s.mask[:, order])
        moves = moves or not same(output(module, shuffled), output(module, s))
    assert module.ordered or not moves, f"{variant.name}: the order of the keys matters; say `ordered = True`"
    assert moves or not module.ordered, f"{variant.name}: says `ordered = True`, but order never matters"


def queries_are_placed_as_said(variant: Variant) -> None:
    """Permuting queries permutes y, unless the mechanism `places_queries`; then it matters which of them are real."""
    module = make(variant)
    matters = False
    for queries, keys in ORDERED_AT:
        s = sample(2, queries, keys)
        y = output(module, s)
        if module.places_queries:
            all_real = output(module, replace(s, q_mask=torch.ones_like(s.q_mask)))
            matters = matters or not same(all_real.transpose(1, 2)[s.q_mask], y.transpose(1, 2)[s.q_mask])
        elif module.content_based:
            order = torch.randperm(queries, generator=torch.Generator().manual_seed(1))
            shuffled = output(module, replace(s, q=s.q[:, :, order], q_mask=s.q_mask[:, order]))
            assert same(shuffled, y[:, :, order]), (
                f"{variant.name}: permuting queries does not permute y; say `places_queries = True`"
            )
    assert matters or not module.places_queries, (
        f"{variant.name}: says `places_queries = True`, but it never matters which queries are real"
    )


def fully_masked_gives_zero(variant: Variant) -> None:
    """Where no token is real, y and the weights are 0 and all gradients finite."""
    module = make(variant)
    s = sample(3, 5, 7)
    s.mask[1] = False
    for need_weights in (False, True):
        y, weights = attend(module, s, need_weights=need_weights)
        assert bool((y[1] == 0).all()), f"{variant.name}: y is not 0 where no token is real"
        assert finite([y]), f"{variant.name}: one fully masked sample spoils the others"
        assert weights is None or bool((weights[1] == 0).all()), f"{variant.name}: weights on tokens that are not real"
        found = gradients(y, s.inputs() | trained(module))
        broken = [name for name, g in found.items() if not finite([g])]
        assert not broken, f"{variant.name}: a fully masked sample makes the gradients of {broken} NaN or infinite"


def weights_are_a_distribution(variant: Variant) -> None:
    """Weights, where the mechanism has them, are not negative, sum to 1 and leave padding out."""
    s = sample(3, 5, 7)
    weights = attend(make(variant), s, need_weights=True)[1]
    if weights is None:
        return
    assert bool((weights >= 0).all()), f"{variant.name}: negative weights"
    assert same(weights.sum(-1), torch.ones_like(weights[..., 0])), f"{variant.name}: weights do not sum to 1"
    on_padding = weights.masked_fill(s.mask[:, None, None, :], 0)
    assert bool((on_padding == 0).all()), f"{variant.name}: weights on padding tokens"


def weights_change_nothing(variant: Variant) -> None:
    """Asking for weights does not change y."""
    module = make(variant)
    s = sample(3, 5, 7)
    assert same(attend(module, s, need_weights=True)[0], output(module, s)), (
        f"{variant.name}: y with need_weights differs from y without"
    )


def repeatable(variant: Variant) -> None:
    """Equal seeds draw equal mechanisms; at evaluation nothing is random; no state is carried between calls."""
    s = sample(3, 5, 7)
    module, twin = make(variant).eval(), make(variant).eval()
    first = output(module, s)
    output(module, sample(2, 3, 5, seed=1))
    assert torch.equal(output(module, s), first), f"{variant.name}: two calls at evaluation give different outputs"
    assert torch.equal(output(twin, s), first), f"{variant.name}: two mechanisms of the same seed differ"


def pickles(variant: Variant) -> None:
    """Survives pickling, so that it can travel between processes."""
    module, s = make(variant).eval(), sample(2, 3, 5)
    try:
        back = pickle.loads(pickle.dumps(module))  # noqa: S301 - our own bytes
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise AssertionError(f"{variant.name}: cannot be pickled: {error}") from None
    assert same(output(back, s), output(module, s)), f"{variant.name}: pickling changes the output"


def state_is_complete(variant: Variant) -> None:
    """The state dictionary carries everything that the output depends on."""
    module, other, s = make(variant).eval(), make(variant, seed=1).eval(), sample(2, 3, 5)
    other.load_state_dict(copy.deepcopy(module.state_dict()))
    assert same(output(other, s), output(module, s)), (
        f"{variant.name}: the state dictionary lacks something; use nn.Parameter or register_buffer"
    )


def stable_at_large_scores(variant: Variant) -> None:
    """In float32, large queries and keys, of mixed signs or of one, give finite outputs and gradients."""
    torch.manual_seed(0)
    module = variant.cls(HEADS, HEAD_DIM)
    for scale in (50, 1000):
        big = sample(2, 5, 7, scale=scale)
        for sign_q, sign_k in ((0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            q, k = (x if sign == 0 else sign * x.abs() for x, sign in ((big.q, sign_q), (big.k, sign_k)))
            parts = {"q": q, "k": k, "v": big.v / scale}
            s = replace(big, **{name: x.detach().float().requires_grad_() for name, x in parts.items()})
            y = output(module, s)
            found = gradients(y, s.inputs() | trained(module))
            assert finite([y]), f"{variant.name}: large scores make y NaN or infinite"
            assert finite(found.values()), f"{variant.name}: large scores make gradients NaN or infinite"


def mixed_precision(variant: Variant) -> None:
    """Under bfloat16 autocast the output is finite and near that of float32."""
    torch.manual_seed(0)
    module = variant.cls(HEADS, HEAD_DIM)
    exact = sample(2, 5, 7)
    s = replace(exact, **{name: x.detach().float() for name, x in exact.inputs().items()})
    half = replace(s, **{name: x.to(torch.bfloat16) for name, x in s.inputs().items()})
    with torch.autocast("cpu", torch.bfloat16):
        y = output(module, half)
    error = float((y.float() - output(module, s)).detach().abs().max())
    assert error < 0.1, f"{variant.name}: bfloat16 moves the output by {error:.3g}"


def works_in_a_model(variant: Variant) -> None:
    """In encoder, fusion and read-out of whole models, logits have their shape and gradients reach every parameter."""
    for fusion in ("early_concat", "cross_attention"):

        def build(modalities: int, fusion: str = fusion) -> torch.nn.Module:
            return tiny.model(modalities, attention=variant.cls, fusion=get("fusion", fusion, where="checks").cls)

        case = whole.Case(label=f"{variant.name} + {fusion}", build=build, modalities=(2,))
        whole.shapes(case)
        whole.gradients_reach_parameters(case)


def agrees_with(variant: Variant, reference: Reference, **options: Any) -> None:
    """Outputs and gradients are those of a plain reference that sees one head of one sample and real tokens only."""
    module = make(variant, **options)
    for queries, keys in AWKWARD:
        where = f"at N={queries}, M={keys} differs from the reference"
        s = sample(2, queries, keys)
        s.mask[1] = True
        y = output(module, s).expand(-1, -1, queries, -1)
        asks = s.q_mask if module.places_queries else torch.ones_like(s.q_mask)
        found_rows, plain_rows = [], []
        for b in range(2):
            real, asking = s.mask[b], asks[b]
            for h in range(HEADS):
                found_rows.append(y[b, h][asking])
                plain_rows.append(reference(module, h, s.q[b, h][asking], s.k[b, h][real], s.v[b, h][real]))
        found, plain = torch.cat(found_rows), torch.cat(plain_rows)
        assert same(found, plain), f"{variant.name}: the output {where}"
        wanted = s.inputs() | trained(module)
        found_gradients, plain_gradients = gradients(found, wanted), gradients(plain, wanted)
        for name in wanted:
            assert same(found_gradients[name], plain_gradients[name]), f"{variant.name}: the gradient of {name} {where}"


CHECKS: Mapping[str, Check] = table(
    "attention",
    shapes,
    gradients_reach_parameters,
    gradients_reach_inputs,
    trained_tensors_are_registered,
    independent_of_batch_mates,
    padding_does_not_matter,
    padding_gets_no_gradient,
    padded_queries_do_not_matter,
    order_of_keys_matters_as_said,
    queries_are_placed_as_said,
    fully_masked_gives_zero,
    weights_are_a_distribution,
    weights_change_nothing,
    repeatable,
    pickles,
    state_is_complete,
    stable_at_large_scores,
    mixed_precision,
    works_in_a_model,
)
