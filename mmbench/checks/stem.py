"""The contract of a stem: one kind of raw input becomes tokens."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from mmbench.checks.common import TOLERANCE, Check, finite, float64, gradients, leaves, same, table, trained_parameters
from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import Variant

WIDTH = 8


def make(variant: Variant, seed: int = 0) -> Stem:
    """The stem at its `tiny` declaration, in float64."""
    torch.manual_seed(seed)
    cls = cast(type[Stem], variant.cls)
    shape, options = cls.tiny
    with float64():
        return variant.cls(WIDTH, shape, **options).double().eval()


def example(variant: Variant, batch: int = 3, *, seed: int = 0) -> Example:
    """Random raw input, all of it real: identifiers from 1 where there is a vocabulary, else numbers."""
    shape, options = cast(type[Stem], variant.cls).tiny
    g = torch.Generator().manual_seed(seed)
    if "vocabulary" in options:
        return Example(values=torch.randint(1, options["vocabulary"], (batch, *shape), generator=g))
    return Example(values=torch.randn(batch, *shape, dtype=torch.float64, generator=g).requires_grad_())


def masked(variant: Variant, batch: int = 3) -> Example:
    """Random raw input of which the last third of the steps, and one in the middle, is padding.

    Images have no time: there it is the lower half of the patches.
    """
    x = example(variant, batch)
    steps = x.values.shape[1]
    if _is_image(x):
        patches = make(variant)(x)[0].shape[1]
        return replace(x, mask=(torch.arange(patches) < patches // 2).expand(batch, -1))
    mask = torch.ones(batch, steps, dtype=torch.bool)
    mask[:, -(-2 * steps // 3) :] = False
    mask[:, 1] = False
    return replace(x, mask=mask)


def _is_image(x: Example) -> bool:
    return x.values.ndim == 4


def shapes(variant: Variant) -> None:
    """Tokens (B, L, D) in the parameters' type and a mask (B, L), as many for every sample; real where no mask is."""
    module = make(variant)
    for batch in (1, 3):
        tokens, mask = module(example(variant, batch))
        where = f"{variant.name}: at batch {batch}"
        assert tokens.ndim == 3, f"{where} tokens have shape {tuple(tokens.shape)}"
        assert tokens.shape[0] == batch and tokens.shape[2] == WIDTH, f"{where} tokens are {tuple(tokens.shape)}"
        assert tokens.dtype == torch.float64, f"{where} tokens are {tokens.dtype} where the parameters are float64"
        assert mask.shape == tokens.shape[:2] and mask.dtype == torch.bool, (
            f"{where} the mask is {mask.dtype} {tuple(mask.shape)} beside tokens {tuple(tokens.shape)}"
        )
        assert bool(mask.all()), f"{where} tokens of unmasked input are masked"


def masks_follow_input(variant: Variant) -> None:
    """Masked steps give masked tokens, and nothing but masked steps does."""
    module, x = make(variant), masked(variant)
    assert x.mask is not None
    mask = module(x)[1]
    assert not bool(mask.all()), f"{variant.name}: masked input gives no masked token"
    assert bool(mask.any(-1).all()), f"{variant.name}: partly masked input gives no real token"
    nothing = module(replace(x, mask=torch.zeros_like(x.mask)))[1]
    assert not bool(nothing.any()), f"{variant.name}: input without a real step gives real tokens"


def whole_input_is_read(variant: Variant) -> None:
    """Every number of the raw input reaches some token."""
    x = example(variant)
    if not x.values.is_floating_point():
        other = Example(values=x.values.flip(0))
        assert not same(make(variant)(x)[0], make(variant)(other)[0]), f"{variant.name}: the input does not matter"
        return
    g = gradients(make(variant)(x)[0], {"values": x.values})["values"]
    unread = int((g[0] == 0).sum())
    assert unread == 0, f"{variant.name}: {unread} of {g[0].numel()} numbers of a sample reach no token"


def gradients_reach_parameters(variant: Variant) -> None:
    """Every registered parameter gets a gradient that is not zero."""
    module = make(variant)
    found = gradients(module(example(variant))[0], trained_parameters(module))
    dead = [name for name, g in found.items() if float(g.abs().max()) <= TOLERANCE]
    assert not dead, f"{variant.name}: no gradient reaches {', '.join(dead)}"


def trained_tensors_are_registered(variant: Variant) -> None:
    """Whatever asks for a gradient is a registered parameter, so that the optimiser sees it."""
    module, x = make(variant), example(variant)
    known = {id(p) for p in [*module.parameters(), x.values]}
    strangers = [tuple(p.shape) for p in leaves(module(x)[0]) if id(p) not in known]
    assert not strangers, f"{variant.name}: tensors {strangers} are trained but not registered as parameters"


def independent_of_batch_mates(variant: Variant) -> None:
    """A sample alone gives what it gives in a batch."""
    module, x = make(variant), example(variant, 4)
    together = module(x)[0]
    for i in range(4):
        alone = module(Example(values=x.values[i : i + 1]))[0]
        assert same(alone[0], together[i]), f"{variant.name}: the tokens of a sample depend on its batch mates"


def padding_does_not_matter(variant: Variant) -> None:
    """What lies in masked steps (huge values, NaN, unknown words) changes neither tokens nor gradients."""
    module, x = make(variant), masked(variant)
    assert x.mask is not None
    tokens, _ = module(x)
    clean = gradients(tokens, trained_parameters(module))
    for number in (1e6, float("nan")) if x.values.is_floating_point() else (10**6, -1):
        spoilt = module(replace(x, values=_fill(x, number)))[0]
        assert same(spoilt, tokens), f"{variant.name}: {number} in masked steps changes tokens"
        found = gradients(spoilt, trained_parameters(module))
        for name, g in found.items():
            assert finite([g]) and same(g, clean[name]), f"{variant.name}: padding changes the gradient of {name}"


def _fill(x: Example, number: float) -> Tensor:
    """Raw values with `number` in every masked step."""
    assert x.mask is not None
    values = x.values.detach().clone()
    if _is_image(x):
        values[:, :, values.shape[2] // 2 :] = number
        return values
    values[~x.mask] = number
    return values


def repeatable(variant: Variant) -> None:
    """Equal seeds build equal stems; nothing is random."""
    x = example(variant)
    module = make(variant)
    first = module(x)[0]
    module(example(variant, seed=1))
    assert torch.equal(module(x)[0], first), f"{variant.name}: two calls give different tokens"
    assert torch.equal(make(variant)(x)[0], first), f"{variant.name}: two stems of the same seed differ"


def pickles(variant: Variant) -> None:
    """Survives pickling, so that it can travel between processes."""
    module, x = make(variant), example(variant)
    try:
        back = pickle.loads(pickle.dumps(module))  # noqa: S301 - our own bytes
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise AssertionError(f"{variant.name}: cannot be pickled: {error}") from None
    assert same(back(x)[0], module(x)[0]), f"{variant.name}: pickling changes the tokens"


def state_is_complete(variant: Variant) -> None:
    """The state dictionary carries everything that the tokens depend on."""
    module, other, x = make(variant), make(variant, seed=1), example(variant)
    other.load_state_dict(copy.deepcopy(module.state_dict()))
    assert same(other(x)[0], module(x)[0]), (
        f"{variant.name}: the state dictionary lacks something; use nn.Parameter or register_buffer"
    )


CHECKS: Mapping[str, Check] = table(
    "stem",
    shapes,
    masks_follow_input,
    whole_input_is_read,
    gradients_reach_parameters,
    trained_tensors_are_registered,
    independent_of_batch_mates,
    padding_does_not_matter,
    repeatable,
    pickles,
    state_is_complete,
)
