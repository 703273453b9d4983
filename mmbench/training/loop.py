"""The one training loop. Every cell gets the same optimiser, schedule and budget."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from mmbench.data.batches import Inputs, Split
from mmbench.schema.params import Training
from mmbench.training.averaging import Averaged
from mmbench.training.captured import Capture, Captured, captures
from mmbench.training.checkpoint import Checkpoints, Stand
from mmbench.training.flat_parameters import Flat
from mmbench.training.history import DivergedError, History, Trained
from mmbench.training.modality_dropout import ModalityDropout
from mmbench.training.objective import Objective
from mmbench.training.predictions import CapturedOutputs, autocast, predict
from mmbench.training.replay import Replayed, python_state
from mmbench.training.stack import pack, unpack


def schedule(steps: int, warmup: float) -> Callable[[int], float]:
    """Factor of the learning rate at a step: linear warm-up over a fraction of the steps, then cosine decay to 0."""
    rising = max(1, round(steps * warmup))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    return factor


def _has_hooks(parameter: nn.Parameter) -> bool:
    return bool(getattr(parameter, "_post_accumulate_grad_hooks", None))


class Steps:
    """The optimiser and its schedule: one call trains on one batch."""

    def __init__(
        self,
        model: nn.Module,
        settings: Training,
        objective: Objective,
        *,
        samples: int,
        cuda: bool,
        replay: bool,
        capture: Capture | None = None,
    ) -> None:
        """replay: on a CPU, run the operations of a recorded step where that pays. capture: how a GPU is given whole
        steps; None: it is not."""
        self.model, self.settings, self.objective, self.cuda = model, settings, objective, cuda
        self.per_epoch = -(-samples // settings.batch_size)
        self.full_batches = samples // settings.batch_size
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        # A GPU takes many parameters in one operation anyway; a vector has one type; hooks look at parameters' own.
        hooked = any(map(_has_hooks, self.parameters))
        alike = len({p.dtype for p in self.parameters}) == 1 and not hooked
        self.flat = Flat(self.parameters) if alike and not cuda else None
        self.trained = self.parameters if self.flat is None else self.flat.parameters
        captured = capture if self.flat is None and not hooked else None
        self.captured = Captured(self._loss_and_gradients, captured, model, list(model.buffers())) if captured else None
        if self.flat is not None:
            self.parameters = [self.flat.vector]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.averaged = Averaged(self.parameters, settings.averaging) if settings.averaging else None
        self.factor = schedule(settings.epochs * self.per_epoch, settings.warmup)
        self.replayed = Replayed(self._loss_and_gradients, model) if replay else None
        self.layout: list[tuple[str, bool]] = []
        self.done = 0

    def _loss(self, inputs: Inputs, labels: Tensor) -> Tensor:
        with autocast(self.settings.precision, labels.device):
            return self.objective.training_loss(self.model(inputs), labels)

    def _loss_and_gradients(self, *tensors: Tensor) -> Sequence[Tensor | None]:
        """The mean loss of a batch, and its gradient for each parameter; None where the loss does not depend on it."""
        *parts, labels = tensors
        loss = self._loss(unpack(parts, self.layout), labels)
        return loss.detach(), *torch.autograd.grad(loss, self.trained, allow_unused=True)

    def _flat_gradients(self, flat: Flat, inputs: Inputs, labels: Tensor) -> Tensor:
        tensors, self.layout = pack(inputs)
        if self.replayed is None or len(labels) < self.settings.batch_size:
            loss, *gradients = self._loss_and_gradients(*tensors, labels)
        else:
            # Once an epoch, a look whether the replay is still what is computed.
            last = self.done % self.per_epoch == self.full_batches - 1
            times = self.settings.epochs * self.full_batches
            loss, *gradients = self.replayed(*tensors, labels, times=times, check=last)
        flat.gather(gradients)
        assert loss is not None
        return loss

    def _captured_gradients(self, captured: Captured, inputs: Inputs, labels: Tensor) -> Tensor:
        tensors, self.layout = pack(inputs)
        loss, *gradients = captured(*tensors, labels)
        # Copied, since two parameters may be given one gradient, which clipping would then shorten twice.
        given = [(p, g) for p, g in zip(self.trained, gradients, strict=True) if g is not None]
        for parameter, gradient in zip(self.trained, gradients, strict=True):
            if gradient is None:
                parameter.grad = None
        for parameter, _ in given:
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch._foreach_copy_([p.grad for p, _ in given if p.grad is not None], [g for _, g in given])
        assert loss is not None
        return loss

    def train(self, inputs: Inputs, labels: Tensor) -> Tensor:
        """The mean loss of the batch before the step, until the next. Raises DivergedError; on a GPU, `fit` does, once
        an epoch."""
        # Where results are to repeat themselves, new memory is filled with NaN, so that who reads what nobody has
        # written is found out. One step shows it; in all steps it would take a twentieth of the time.
        torch.utils.deterministic.fill_uninitialized_memory = self.done == 0  # type: ignore[attr-defined]
        if self.flat is not None:
            loss = self._flat_gradients(self.flat, inputs, labels)
        elif self.captured is not None:
            loss = self._captured_gradients(self.captured, inputs, labels)
        else:
            self.optimiser.zero_grad(set_to_none=True)
            loss = self._loss(inputs, labels)
            loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, self.settings.clip_norm)
        # On a GPU, looking at the loss in every step would make the host wait for it.
        if not self.cuda and not math.isfinite(loss.item() + norm.item()):
            where = f"epoch {self.done // self.per_epoch}, step {self.done}"
            raise DivergedError(f"loss {loss.item()}, gradient norm {norm.item()} at {where}")
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * self.factor(self.done)
        self.optimiser.step()
        if self.averaged is not None:
            self.averaged.update()
        self.done += 1
        return loss.detach()

    def evaluated(self) -> AbstractContextManager[object]:
        """Within it, the model has the weights that count: their average over the last steps, or those of the last."""
        return nullcontext() if self.averaged is None else self.averaged.in_place()

    def release(self) -> None:
        """Give the model parameters of their own again, and the memory of recordings back."""
        # It refers to this object: left alone, the collector would find both only some trials later.
        self.replayed = self.captured = None
        if self.flat is not None:
            self.flat.release()


def fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    settings: Training,
    objective: Objective,
    *,
    seed: int,
    replay: bool = True,
    capture: Capture | None = None,
    on_epoch: Callable[[int, dict[str, list[float]]], None] = lambda epoch, curves: None,
    checkpoints: Checkpoints | None = None,
    lengths: Mapping[str, int] | None = None,
) -> Trained:
    """Train `model` in place and leave it at its best epoch on validation.

    The order of the samples depends on `seed` alone, so cells with equal seeds see the same batches.
    replay: on a CPU, run the operations of a recorded step where that gives the same numbers sooner. capture: how a GPU
    is given whole steps; None: as it takes them. checkpoints: what there is of an earlier attempt is gone on from, and
    long trainings are kept there; not of models that change what they keep in Python. lengths: of masks, where
    modalities are dropped (`mmbench.model.hiding.mask_lengths`).
    Raises DivergedError when the loss or the gradient is not finite, ReplayDiffersError when steps stopped to be what
    was recorded, CheckpointError when a checkpoint cannot be gone on from: build the model anew and train it without.
    """
    with captures(train.labels.device, capture) as own:
        return _fit(
            model,
            train,
            validation,
            settings,
            objective,
            seed=seed,
            replay=replay,
            capture=own,
            on_epoch=on_epoch,
            checkpoints=checkpoints,
            lengths=lengths,
        )


def _fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    settings: Training,
    objective: Objective,
    *,
    seed: int,
    replay: bool,
    capture: Capture | None,
    on_epoch: Callable[[int, dict[str, list[float]]], None],
    checkpoints: Checkpoints | None,
    lengths: Mapping[str, int] | None,
) -> Trained:
    device = train.labels.device
    cuda = device.type == "cuda"
    steps = Steps(model, settings, objective, samples=len(train), cuda=cuda, replay=replay, capture=capture)
    outputs = None if capture is None else CapturedOutputs(model, capture)
    order = torch.Generator().manual_seed(seed)
    hidden = ModalityDropout.of(settings, lengths, train, [seed])
    history = History(objective, validation.labels, settings.patience)
    stand = Stand(model=model, steps=steps, order=order, history=history)
    resumed, before = 0, 0.0
    if checkpoints is not None and (content := checkpoints.found()) is not None:
        resumed, before = stand.go_on(content)
    # As it is after an epoch, when it has been validated.
    kept_in_python = python_state(model.eval())
    began = time.perf_counter() - before

    for epoch in range(resumed, settings.epochs):
        model.train()
        total = torch.zeros((), device=device)
        if hidden is not None:
            hidden.begin(epoch)
        for index in torch.randperm(len(train), generator=order).to(device).split(settings.batch_size):
            inputs, labels = train.rows(index)
            if hidden is not None:
                inputs = hidden(inputs, index)
            total += steps.train(inputs, labels) * len(labels)
        mean_loss = (total / len(train)).item()
        with steps.evaluated():
            logits = predict(model, validation, precision=settings.precision, outputs=outputs)
            goes_on = history.add(
                mean_loss, logits, lambda: {k: v.detach().clone() for k, v in model.state_dict().items()}
            )
        on_epoch(epoch, history.curves)
        if not goes_on:
            break
        if checkpoints is not None and checkpoints.due() and python_state(model) == kept_in_python:
            checkpoints.keep(stand.to_bytes(epoch + 1, time.perf_counter() - began))

    if cuda:
        torch.cuda.synchronize(device)
    best = history.best
    assert best is not None
    steps.release()
    model.load_state_dict(best.weights)
    seconds = time.perf_counter() - began
    return Trained(
        curves=history.curves,
        best_epoch=best.epoch,
        seconds=seconds,
        outputs=best.outputs,
        resumed=resumed,
        uncaptured=None if capture is None else capture.refusal,
    )
