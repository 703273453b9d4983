"""What models must show to be trained as one program: each ends as if it had been alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmbench.checks import tiny
from mmbench.data.batches import Inputs
from mmbench.model.hiding import hide, missing_at
from mmbench.schema.params import Training
from mmbench.training import group, loop
from mmbench.training.objective import Objective
from mmbench.training.stack import CannotStackError, Stack, pack

MODELS, STEPS, BATCH = 4, 3, 4
HIDDEN = 0.5
"""The share of modalities that is hidden in the last step."""
TOLERANCE = 1e-9
"""Of losses, outputs and parameters, in float64."""
RATES, DECAYS = (0.01, 0.003, 0.03, 0.001), (0.1, 0.0, 0.3, 0.01)


def settings(rate: float, decay: float) -> Training:
    """Three steps without a warm-up, so that every one of them counts."""
    return Training(
        epochs=STEPS,
        batch_size=BATCH,
        learning_rate=rate,
        weight_decay=decay,
        warmup=0.0,
        clip_norm=0.5,
        patience=None,
        class_weights="none",
        dropout=0.0,
        label_smoothing=0.1,
        averaging=0.1,
        precision="float32",
    )


def _batches(model: int, modalities: int) -> list[tuple[Inputs, Tensor]]:
    """Its own batch for each step; in the last one, modalities are hidden from some samples, as by modality dropout."""
    made: list[tuple[Inputs, Tensor]] = []
    for step in range(STEPS):
        seed = 10 * model + step
        labels = torch.randint(tiny.CLASSES, (BATCH,), generator=torch.Generator().manual_seed(seed))
        inputs = tiny.inputs(modalities, BATCH, seed=seed)
        batch: Inputs = {name: type(x)(values=x.values.detach(), mask=x.mask) for name, x in inputs.items()}
        if step == STEPS - 1:
            drawn = torch.rand(BATCH, modalities, generator=torch.Generator().manual_seed(seed))
            gone = missing_at(drawn, HIDDEN, torch.ones_like(drawn, dtype=torch.bool))
            batch = hide(batch, {name: gone[:, i] for i, name in enumerate(batch)}, {})
        made.append((batch, labels))
    return made


def _alone(
    model: nn.Module, train: Training, batches: Sequence[tuple[Inputs, Tensor]], objective: Objective
) -> list[float]:
    """The loss of every step; the model is left with the weights that count."""
    steps = loop.Steps(model.train(), train, objective, samples=BATCH, cuda=False, replay=False)
    losses = [float(steps.train(inputs, labels)) for inputs, labels in batches]
    with steps.evaluated():
        weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    steps.release()
    model.load_state_dict(weights)
    return losses


def trains_as_if_alone(label: str, build: Callable[[int], nn.Module], modalities: int) -> None:
    """Four models with draws, data, learning rates and weight decays of their own, three steps. build: of a seed.

    Raises AssertionError where they cannot be one program, or where one of them ends elsewhere than alone.
    """
    objective = Objective(task=tiny.spec().task, smoothing=0.1)
    trains = [settings(rate, decay) for rate, decay in zip(RATES, DECAYS, strict=True)]
    batches = [_batches(i, modalities) for i in range(MODELS)]
    models, twins = ([build(seed) for seed in range(MODELS)] for _ in range(2))
    alone = [_alone(m, t, b, objective) for m, t, b in zip(twins, trains, batches, strict=True)]
    try:
        stack = Stack(models)
        steps = group.Steps(stack, trains, objective, samples=BATCH)
        stack.skeleton.train()
        for step in range(STEPS):
            packed = [pack(own[step][0]) for own in batches]
            tensors = [torch.stack(list(each)) for each in zip(*(tensors for tensors, _ in packed), strict=True)]
            losses = steps.step(tensors, packed[0][1], torch.stack([own[step][1] for own in batches]))
            for row, loss in enumerate(losses.tolist()):
                expected = alone[row][step]
                assert abs(loss - expected) <= TOLERANCE * max(1.0, abs(expected)), (
                    f"{label}: at step {step} the loss of model {row} is {loss} in a group and {expected} alone"
                )
        shown = batches[0][0][0]
        outputs = stack.outputs(steps.weights, shown)
    except CannotStackError as error:
        raise AssertionError(f"{label}: cannot be trained in a group: {error}") from None
    for row, twin in enumerate(twins):
        state = stack.state(row, steps.weights)
        for name, value in twin.state_dict().items():
            gap = float((state[name] - value).abs().max()) if value.numel() else 0.0
            assert gap <= TOLERANCE, (
                f"{label}: after {STEPS} steps, {name} of model {row} is {gap:.1e} from where it is alone"
            )
        with torch.inference_mode():
            gap = float((outputs[row] - twin.eval()(shown)).abs().max())
        assert gap <= TOLERANCE, f"{label}: the outputs of model {row} are {gap:.1e} from what they are alone"
