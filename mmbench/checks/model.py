"""What every whole model must show, whichever fusion and architecture it is made of."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mmbench.checks import tiny
from mmbench.checks.common import TOLERANCE, finite, gradients, leaves, same, trained_parameters
from mmbench.data.batches import Example, Inputs

DROPPED, DRAWS = 0.25, 3
"""A share that is dropped, and in how many draws a parameter must have had a gradient."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of model: build(modalities) draws one, always the same; `modalities`: the numbers it can take."""

    label: str
    build: Callable[..., nn.Module]
    modalities: tuple[int, ...]


def _values(inputs: Inputs) -> dict[str, Tensor]:
    return {f"modality {name}": x.values for name, x in inputs.items()}


def _spoilt(inputs: Inputs, number: float) -> Inputs:
    """The same inputs with `number` in every masked step."""

    def spoil(x: Example) -> Example:
        assert x.mask is not None
        return replace(x, values=x.values.detach().masked_fill(~x.mask[..., None], number).requires_grad_())

    return {name: spoil(x) for name, x in inputs.items()}


def shapes(case: Case) -> None:
    """Logits (B, C) for every number of modalities, at odd lengths, batch 1 and length 1."""
    for n in case.modalities:
        model = case.build(n)
        for batch, length in ((1, None), (3, None), (2, 1), (1, 1)):
            logits = model(tiny.inputs(n, batch, length=length))
            where = f"{case.label}: with {n} modalities, batch {batch}, length {length or 'odd'}, logits"
            assert logits.shape == (batch, tiny.CLASSES), f"{where} are {tuple(logits.shape)}"
            assert finite([logits]), f"{where} are not finite"


def gradients_reach_parameters(case: Case) -> None:
    """Every registered parameter gets a gradient that is not zero."""
    for n in case.modalities:
        model = case.build(n)
        largest = dict.fromkeys(trained_parameters(model), 0.0)
        for seed in range(3):
            found = gradients(model(tiny.inputs(n, seed=seed)), trained_parameters(model))
            largest = {name: max(largest[name], float(g.abs().max())) for name, g in found.items()}
        # Not exactly zero where softmax cancels only up to rounding.
        dead = [name for name, size in largest.items() if size < 1e-12]
        assert not dead, f"{case.label}: with {n} modalities no gradient reaches {', '.join(dead)}"


def gradients_reach_modalities(case: Case) -> None:
    """The logits depend on every modality, in one of three draws of model and inputs: a maximum may pass one over."""
    for n in case.modalities:
        largest: dict[str, float] = {}
        for seed in range(3):
            inputs = tiny.inputs(n, seed=seed)
            found = gradients(case.build(n, seed=seed)(inputs), _values(inputs))
            largest = {name: max(largest.get(name, 0.0), float(g.abs().max())) for name, g in found.items()}
        for name, size in largest.items():
            assert size > TOLERANCE, f"{case.label}: with {n} modalities, {name} does not matter"


def trained_tensors_are_registered(case: Case) -> None:
    """Whatever asks for a gradient is a registered parameter, so that the optimiser sees it."""
    n = case.modalities[0]
    model, inputs = case.build(n), tiny.inputs(n)
    known = {id(x) for x in [*model.parameters(), *_values(inputs).values()]}
    strangers = [tuple(x.shape) for x in leaves(model(inputs)) if id(x) not in known]
    assert not strangers, f"{case.label}: tensors {strangers} are trained but not registered as parameters"


def independent_of_batch_mates(case: Case) -> None:
    """A sample alone gives what it gives in a batch."""
    for n in case.modalities:
        model, inputs = case.build(n), tiny.inputs(n, batch=4)
        together = model(inputs)
        for i in range(4):
            alone = {
                name: Example(values=x.values[i : i + 1], mask=None if x.mask is None else x.mask[i : i + 1])
                for name, x in inputs.items()
            }
            assert same(model(alone)[0], together[i]), f"{case.label}: the logits of a sample depend on its batch mates"


def _longer(inputs: Inputs, more: int = 3) -> Inputs:
    """The same inputs with `more` steps of padding behind them."""

    def longer(x: Example) -> Example:
        assert x.mask is not None
        values = torch.cat([x.values, torch.ones_like(x.values[:, :1]).expand(-1, more, -1)], dim=1)
        return Example(values=values, mask=nn.functional.pad(x.mask, (0, more)))

    return {name: longer(x) for name, x in inputs.items()}


def padding_does_not_matter(case: Case) -> None:
    """What lies in padding (huge values, NaN), and how much padding there is, changes no logit."""
    for n in case.modalities:
        model, inputs = case.build(n), tiny.inputs(n)
        clean = model(inputs)
        for number in (1e6, float("nan")):
            assert same(model(_spoilt(inputs, number)), clean), (
                f"{case.label}: {number} in the padding changes the logits"
            )
        assert same(model(_longer(inputs)), clean), f"{case.label}: the logits depend on the amount of padding"


def padding_gets_no_gradient(case: Case) -> None:
    """Padding gets no gradient and changes none, however much of it there is."""
    for n in case.modalities:
        model, inputs = case.build(n), tiny.inputs(n)
        clean = gradients(model(inputs), _values(inputs) | trained_parameters(model))
        spoilt_inputs = _spoilt(inputs, float("nan"))
        spoilt = gradients(model(spoilt_inputs), _values(spoilt_inputs) | trained_parameters(model))
        for name, x in inputs.items():
            assert x.mask is not None
            leak = float(clean[f"modality {name}"][~x.mask].abs().max())
            assert leak == 0, f"{case.label}: padding of modality {name} gets gradients"
        for name in clean:
            assert same(clean[name], spoilt[name]), f"{case.label}: padding changes the gradient of {name}"
        more = gradients(model(_longer(inputs)), trained_parameters(model))
        for name, g in more.items():
            assert same(g, clean[name]), f"{case.label}: the amount of padding changes the gradient of {name}"


def missing_modalities_are_finite(case: Case) -> None:
    """With one modality, or all, masked throughout, logits and gradients are finite."""
    for n in case.modalities:
        model, inputs = case.build(n), tiny.inputs(n)
        for missing in [*((name,) for name in inputs), tuple(inputs)]:
            poor = {
                name: replace(x, mask=torch.zeros(x.values.shape[:2], dtype=torch.bool)) if name in missing else x
                for name, x in inputs.items()
            }
            where = f"{case.label}: without modality {' and '.join(missing)}"
            logits = model(poor)
            assert finite([logits]), f"{where} the logits are not finite"
            found = gradients(logits, trained_parameters(model))
            broken = [name for name, g in found.items() if not finite([g])]
            assert not broken, f"{where} the gradients of {', '.join(broken)} are not finite"


def repeatable(case: Case) -> None:
    """Equal seeds build equal models; at evaluation nothing is random; no state is carried between calls."""
    n = case.modalities[0]
    model, twin, inputs = case.build(n), case.build(n), tiny.inputs(n)
    first = model(inputs)
    model(tiny.inputs(n, seed=1))
    assert torch.equal(model(inputs), first), f"{case.label}: two calls at evaluation give different logits"
    assert torch.equal(twin(inputs), first), f"{case.label}: two models of the same seed differ"


def pickles(case: Case) -> None:
    """Survives pickling, so that it can travel between processes."""
    n = case.modalities[0]
    model, inputs = case.build(n), tiny.inputs(n)
    try:
        back = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise AssertionError(f"{case.label}: cannot be pickled: {error}") from None
    assert same(back(inputs), model(inputs)), f"{case.label}: pickling changes the logits"


def state_is_complete(case: Case) -> None:
    """The state dictionary carries everything that the logits depend on: the best epoch is restored from it."""
    n = case.modalities[0]
    model, other, inputs = case.build(n), case.build(n, seed=1), tiny.inputs(n)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert same(other(inputs), model(inputs)), (
        f"{case.label}: the state dictionary lacks something; use nn.Parameter or register_buffer"
    )


def mixed_precision(case: Case) -> None:
    """Under bfloat16 autocast, logits and gradients are finite, and the logits near those of float32."""
    n = case.modalities[0]
    model = case.build(n).float()
    inputs = {name: replace(x, values=x.values.detach().float()) for name, x in tiny.inputs(n).items()}
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(inputs)
    exact = model(inputs)
    error = float(((logits.float() - exact).abs().max() / exact.abs().max()).detach())
    assert error < 0.2, f"{case.label}: bfloat16 moves the logits by {error:.0%}"
    assert finite(gradients(logits.float(), trained_parameters(model)).values()), (
        f"{case.label}: bfloat16 spoils the gradients"
    )


def dropout_acts_in_training_alone(case: Case) -> None:
    """With dropout the model is the same at evaluation. In training it is another at each call, padding and equal draws
    change it no more than at evaluation, and gradients are finite and reach what they reach there."""
    n = case.modalities[0]
    plain, model, inputs = case.build(n), case.build(n, dropout=DROPPED), tiny.inputs(n)
    assert same(model(inputs), plain(inputs)), f"{case.label}: dropout changes the logits at evaluation"
    model.train()
    spoilt = _spoilt(inputs, 1e6)
    first, again, other = (_drawn(model, x, seed) for x, seed in ((inputs, 0), (inputs, 1), (spoilt, 0)))
    assert not same(first, again), f"{case.label}: dropout drops nothing in training"
    if same(plain(spoilt), plain(inputs)):
        assert same(first, other), f"{case.label}: padding changes the logits in training alone"
    # The same parameters in the same order; names count the modules that drop.
    reached, found = _reached(plain, n), _reached(model, n)
    broken = [name for name, size in found.items() if not size < float("inf")]
    assert not broken, f"{case.label}: with dropout the gradients of {', '.join(broken)} are not finite"
    dead = [
        name for (name, size), before in zip(found.items(), reached.values(), strict=True) if size < 1e-12 <= before
    ]
    assert not dead, f"{case.label}: in training with dropout no gradient reaches {', '.join(dead)}"


def _reached(model: nn.Module, modalities: int) -> dict[str, float]:
    """The largest gradient of every parameter in a few draws; of one that is not finite, infinity."""
    largest = dict.fromkeys(trained_parameters(model), 0.0)
    for seed in range(DRAWS):
        for name, g in gradients(
            _drawn(model, tiny.inputs(modalities, seed=seed), seed), trained_parameters(model)
        ).items():
            largest[name] = max(largest[name], float(g.abs().max())) if finite([g]) else float("inf")
    return largest


def _drawn(model: nn.Module, inputs: Inputs, seed: int) -> Tensor:
    torch.manual_seed(seed)
    logits: Tensor = model(inputs)
    return logits


CHECKS = (
    shapes,
    gradients_reach_parameters,
    gradients_reach_modalities,
    trained_tensors_are_registered,
    independent_of_batch_mates,
    padding_does_not_matter,
    padding_gets_no_gradient,
    missing_modalities_are_finite,
    repeatable,
    pickles,
    state_is_complete,
    mixed_precision,
    dropout_acts_in_training_alone,
)
