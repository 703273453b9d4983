"""The contract of an attention mechanism, checked on the primitive `attend` in float64."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mmbench.checks import model as whole
from mmbench.checks import tiny, tokens
from mmbench.checks.common import TOLERANCE, Check, finite, float64, gradients, leaves, same, table, trained_parameters
from mmbench.checks.mechanism import AWKWARD, HEAD_DIM, HEADS, LENGTHS, attend, make, output, sample
from mmbench.model.interfaces import Attention
from mmbench.registry import Variant, get

Reference = Callable[[Attention, int, Tensor, Tensor, Tensor], Tensor]
"""reference(mechanism, head, q (N, d), k (M, d), v (M, d)) -> y (N, d): the formula, for real tokens only.

Padding queries are left out too where the mechanism `uses_query_mask`.
"""


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
    with float64():
        module = variant.cls(HEADS, HEAD_DIM).double()
    largest = dict.fromkeys(trained_parameters(module), 0.0)
    for seed in range(3):
        found = gradients(output(module, sample(3, 5, 7, seed=seed)), trained_parameters(module))
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
            f"{variant.name}: {name} does not matter; make it a `Pooling` if that is meant"
        )


def trained_tensors_are_registered(variant: Variant) -> None:
    """Whatever asks for a gradient is a registered parameter, so that the optimiser sees it."""
    module = make(variant)
    s = sample(2, 3, 5)
    known = {id(x) for x in [*module.parameters(), *s.inputs().values()]}
    strangers = [tuple(x.shape) for x in leaves(output(module, s)) if id(x) not in known]
    assert not strangers, f"{variant.name}: tensors {strangers} are trained but not registered as parameters"


def weights_are_a_distribution(variant: Variant) -> None:
    """Weights, where the mechanism has them, are not negative, sum to 1 and leave padding out."""
    for queries, keys in LENGTHS:
        s = sample(3, queries, keys)
        weights = attend(make(variant), s, need_weights=True)[1]
        if weights is None:
            return
        assert bool((weights >= 0).all()), f"{variant.name}: negative weights"
        assert same(weights.sum(-1), torch.ones_like(weights[..., 0])), f"{variant.name}: weights do not sum to 1"
        on_padding = weights.masked_fill(s.kv_mask[:, None, None, :], 0)
        assert bool((on_padding == 0).all()), f"{variant.name}: weights on padding tokens"


def weights_change_nothing(variant: Variant) -> None:
    """Asking for weights does not change y."""
    module = make(variant)
    for queries, keys in LENGTHS:
        s = sample(3, queries, keys)
        asked = replace(s, q_mask=torch.ones_like(s.q_mask))
        assert same(attend(module, asked, need_weights=True)[0], output(module, asked)), (
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
            found = gradients(y, s.inputs() | trained_parameters(module))
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


def agrees_with(
    variant: Variant, reference: Reference, *, lengths: Iterable[tuple[int, int]] = AWKWARD, **options: Any
) -> None:
    """Outputs and gradients are those of a plain reference that sees one head of one sample and real tokens only.

    lengths: numbers of queries and keys at which that is asked; options: of the mechanism.
    """
    module = make(variant, **options)
    for queries, keys in lengths:
        where = f"at N={queries}, M={keys} differs from the reference"
        s = sample(2, queries, keys)
        s.kv_mask[1] = True
        y = output(module, s).expand(-1, -1, queries, -1)
        query_mask = s.q_mask if module.uses_query_mask else torch.ones_like(s.q_mask)
        found_rows, plain_rows = [], []
        for b in range(2):
            real, asking = s.kv_mask[b], query_mask[b]
            for h in range(HEADS):
                found_rows.append(y[b, h][asking])
                plain_rows.append(reference(module, h, s.q[b, h][asking], s.k[b, h][real], s.v[b, h][real]))
        found, plain = torch.cat(found_rows), torch.cat(plain_rows)
        assert same(found, plain), f"{variant.name}: the output {where}"
        wanted = s.inputs() | trained_parameters(module)
        found_gradients, plain_gradients = gradients(found, wanted), gradients(plain, wanted)
        for name in wanted:
            assert same(found_gradients[name], plain_gradients[name]), f"{variant.name}: the gradient of {name} {where}"


CHECKS: Mapping[str, Check] = table(
    "attention",
    shapes,
    gradients_reach_parameters,
    gradients_reach_inputs,
    trained_tensors_are_registered,
    *tokens.CHECKS,
    weights_are_a_distribution,
    weights_change_nothing,
    repeatable,
    pickles,
    state_is_complete,
    stable_at_large_scores,
    mixed_precision,
    works_in_a_model,
)
