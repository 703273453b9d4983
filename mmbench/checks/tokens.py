"""Which tokens a mechanism may take notice of: real ones of its own sample, in an order only if it says so."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mmbench.checks.common import finite, gradients, same, trained_parameters
from mmbench.checks.mechanism import AWKWARD, LENGTHS, Sample, at_real_queries, attend, make, output, sample
from mmbench.registry import Variant

ORDERED_AT = ((5, 7), (40, 37), (200, 190))
"""Numbers of queries and keys at which order is tried: a window or a landmark may be longer than a few tokens."""


def independent_of_batch_mates(variant: Variant) -> None:
    """A sample alone gives what it gives in a batch."""
    module = make(variant)
    for queries, keys in LENGTHS:
        s = sample(4, queries, keys)
        together = output(module, s)
        for i in range(4):
            alone = Sample(**{name: x[i : i + 1] for name, x in vars(s).items()})
            assert same(output(module, alone)[0], together[i]), (
                f"{variant.name}: the output of a sample depends on its batch mates"
            )


def _garbage(s: Sample, size: float) -> Sample:
    """The same sample with huge values in its padding."""
    padding = ~s.kv_mask[:, None, :, None]

    def spoil(x: Tensor) -> Tensor:
        return x.detach().masked_fill(padding, size).requires_grad_()

    return replace(s, k=spoil(s.k), v=spoil(s.v))


def _longer(x_BHLd: Tensor) -> Tensor:
    """With three tokens more."""
    return torch.cat([x_BHLd, x_BHLd[:, :, :3] + 1], dim=2)


def padding_does_not_matter(variant: Variant) -> None:
    """What lies in padding, and how much padding there is, changes no output."""
    module = make(variant)
    for queries, keys in LENGTHS:
        s = sample(3, queries, keys)
        clean = output(module, s)
        for size in (1e4, -1e4):
            assert same(output(module, _garbage(s, size)), clean), f"{variant.name}: padding tokens change the output"
        mask = torch.cat([s.kv_mask, torch.zeros(3, 3, dtype=torch.bool)], dim=1)
        padded = replace(s, k=_longer(s.k), v=_longer(s.v), kv_mask=mask)
        assert same(output(module, padded), clean), f"{variant.name}: the output depends on the amount of padding"


def padding_gets_no_gradient(variant: Variant) -> None:
    """Padding gets no gradient and changes none."""
    module = make(variant)
    for queries, keys in LENGTHS:
        s = sample(3, queries, keys)
        clean = gradients(output(module, s), s.inputs() | trained_parameters(module))
        spoilt_sample = _garbage(s, 1e4)
        spoilt = gradients(output(module, spoilt_sample), spoilt_sample.inputs() | trained_parameters(module))
        for name in ("k", "v"):
            leak = float(clean[name].masked_select(~s.kv_mask[:, None, :, None]).abs().max())
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
        clean = at_real_queries(module, s)
        wanted = gradients(clean, s.inputs() | trained_parameters(module))
        padding = ~s.q_mask[:, None, :, None]
        assert bool((wanted["q"].masked_select(padding) == 0).all()), f"{variant.name}: padded queries get gradients"
        for size in (1e4, -1e4):
            spoilt = replace(s, q=s.q.detach().masked_fill(padding, size).requires_grad_())
            y = at_real_queries(module, spoilt)
            assert same(y, clean), f"{variant.name}: padded queries change what real ones read"
            found = gradients(y, spoilt.inputs() | trained_parameters(module))
            for name, g in found.items():
                assert same(g, wanted[name]), f"{variant.name}: padded queries change the gradient of {name}"
        more = torch.cat([s.q, s.q[:, :, :1].expand(-1, -1, 30, -1) + 1], dim=2)
        longer = replace(s, q=more, q_mask=torch.nn.functional.pad(s.q_mask, (0, 30)))
        assert same(at_real_queries(module, longer), clean), (
            f"{variant.name}: y depends on the amount of padded queries"
        )
        nobody = replace(s, q_mask=s.q_mask & (torch.arange(3) != 1)[:, None])
        y = output(module, nobody)
        assert finite([y]), f"{variant.name}: y is not finite where no query is real"
        assert finite(gradients(y, s.inputs() | trained_parameters(module)).values()), (
            f"{variant.name}: gradients are not finite where no query is real"
        )


def order_of_keys_matters_as_said(variant: Variant) -> None:
    """Permuting keys, values and mask together changes nothing, unless the mechanism is `ordered`; then it does."""
    module = make(variant)
    moves = False
    for queries, keys in ORDERED_AT:
        s = sample(2, queries, keys)
        order = torch.randperm(keys, generator=torch.Generator().manual_seed(1))
        shuffled = replace(s, k=s.k[:, :, order], v=s.v[:, :, order], kv_mask=s.kv_mask[:, order])
        moves = moves or not same(output(module, shuffled), output(module, s))
    assert module.ordered or not moves, f"{variant.name}: the order of the keys matters; say `ordered = True`"
    assert moves or not module.ordered, f"{variant.name}: says `ordered = True`, but order never matters"


def query_mask_matters_as_said(variant: Variant) -> None:
    """Which queries are real matters if the mechanism `uses_query_mask`; else not, and permuting them permutes y."""
    module = make(variant)
    matters = False
    for queries, keys in ORDERED_AT:
        s = sample(2, queries, keys)
        all_real = replace(s, q_mask=torch.ones_like(s.q_mask))
        y = at_real_queries(module, s) if module.content_based else output(module, s)
        y_all_real = output(module, all_real)
        if module.content_based:
            matters = matters or not same(y_all_real.transpose(1, 2)[s.q_mask], y)
        if module.content_based and not module.uses_query_mask:
            order = torch.randperm(queries, generator=torch.Generator().manual_seed(1))
            shuffled = output(module, replace(all_real, q=s.q[:, :, order]))
            assert same(shuffled, y_all_real[:, :, order]), (
                f"{variant.name}: permuting queries does not permute y; say `uses_query_mask = True`"
            )
    assert module.uses_query_mask or not matters, (
        f"{variant.name}: it matters which queries are real; say `uses_query_mask = True`"
    )
    assert matters or not module.uses_query_mask, (
        f"{variant.name}: says `uses_query_mask = True`, but it never matters which queries are real"
    )


def fully_masked_gives_zero(variant: Variant) -> None:
    """Where no token is real, y and the weights are 0 and all gradients finite."""
    module = make(variant)
    for queries, keys in LENGTHS:
        s = sample(3, queries, keys)
        s.kv_mask[1] = False
        for need_weights in (False, True):
            y, weights = attend(module, s, need_weights=need_weights)
            assert bool((y[1] == 0).all()), f"{variant.name}: y is not 0 where no token is real"
            assert finite([y]), f"{variant.name}: one fully masked sample spoils the others"
            assert weights is None or bool((weights[1] == 0).all()), (
                f"{variant.name}: weights on tokens that are not real"
            )
            found = gradients(y, s.inputs() | trained_parameters(module))
            broken = [name for name, g in found.items() if not finite([g])]
            assert not broken, f"{variant.name}: a fully masked sample makes the gradients of {broken} NaN or infinite"


CHECKS = (
    independent_of_batch_mates,
    padding_does_not_matter,
    padding_gets_no_gradient,
    padded_queries_do_not_matter,
    order_of_keys_matters_as_said,
    query_mask_matters_as_said,
    fully_masked_gives_zero,
)
