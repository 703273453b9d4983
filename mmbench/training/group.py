"""Several trials of one combination trained as one program: their seeds, and what they are tuned with, differ.

On a GPU a step of a small model waits for its kernels to be launched, and one for many models launches no more of them.
The recipe is that of `mmbench.training.loop`, line by line, with the models as one more axis in front.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count

import torch
from torch import Tensor, nn

from mmbench.data.batches import Split
from mmbench.schema.params import Training
from mmbench.training.captured import Capture, Captured, Results, captures
from mmbench.training.history import DivergedError, History, Trained
from mmbench.training.loop import schedule
from mmbench.training.modality_dropout import ModalityDropout
from mmbench.training.objective import Objective
from mmbench.training.predictions import EVALUATION_BATCH, autocast
from mmbench.training.stack import CannotStackError, Stack, pack, unpack

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of AdamW, as PyTorch has them."""
CLOSE = 1e-3
"""How far the gradient of a model in a group may be from that of the model alone, as a share of it (float32)."""


class Steps:
    """The optimisers of a stack and their schedule: one call trains every model on its own batch.

    norms, losses: (P,) of the last step. first_bad: (P,) the step at which a model's loss or gradient was not finite
    for the first time, and -1; bad: (P, 2) what they were.
    """

    def __init__(
        self,
        stack: Stack,
        settings: Sequence[Training],
        objective: Objective,
        *,
        samples: int,
        capture: Capture | None = None,
    ) -> None:
        """capture: how steps are captured to be launched as a whole; None: they are not."""
        first = settings[0]
        self.stack, self.settings, self.objective = stack, settings, objective
        self.per_epoch = -(-samples // first.batch_size)
        self.matrix = stack.matrix
        self.gradients, self.moments, self.squares = (torch.zeros_like(self.matrix) for _ in range(3))
        self.means = self.matrix.clone() if first.averaging else None
        self.table = self._table(first.epochs * self.per_epoch)
        self.now = self.table[0].clone()
        self.first_bad = torch.full((len(stack),), -1, device=self.matrix.device)
        self.bad = self.matrix.new_zeros(len(stack), 2)
        self.layout: Sequence[tuple[str, bool]] = ()
        self.captured = Captured(self._step, capture, stack.skeleton, self._state()) if capture else None
        self.done = 0

    def _state(self) -> list[Tensor]:
        """What a step changes, all in place."""
        means = [] if self.means is None else [self.means]
        own = [self.matrix, *means, self.gradients, self.moments, self.squares, self.first_bad, self.bad]
        return [*own, *self.stack.fixed.values()]

    def _table(self, steps: int) -> Tensor:
        """(steps, 5, P, 1): what a step needs of the schedule, so that none of it is computed on the way."""
        first, at = self.settings[0], torch.arange(1, steps + 1, dtype=torch.float64)
        factor = torch.tensor([schedule(steps, first.warmup)(i) for i in range(steps)], dtype=torch.float64)
        rates = factor[:, None] * torch.tensor([s.learning_rate for s in self.settings], dtype=torch.float64)
        decays = 1 - rates * torch.tensor([s.weight_decay for s in self.settings], dtype=torch.float64)
        sizes = rates / (1 - BETAS[0] ** at)[:, None]
        roots = (1 - BETAS[1] ** at).sqrt()[:, None].expand_as(rates)
        new = (1 / (1 + first.averaging * at))[:, None].expand_as(rates)
        return torch.stack([decays, sizes, roots, new, at[:, None].expand_as(rates) - 1], 1)[..., None].to(self.matrix)

    def train(self, index: Tensor, train: Split, hidden: ModalityDropout | None = None) -> Tensor:
        """The mean loss (P,) of each model's batch before the step, until the next. index: (P, B) rows of the split."""
        models, batch = index.shape
        inputs, labels = train.rows(index.flatten())
        if hidden is not None:
            inputs = hidden(inputs, index)
        tensors, layout = pack(inputs)
        tensors = [t.unflatten(0, (models, batch)) for t in tensors]
        return self.step(tensors, layout, labels.unflatten(0, (models, batch)))

    def _loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return self.objective.training_loss(outputs, labels)

    def step(self, tensors: Sequence[Tensor], layout: Sequence[tuple[str, bool]], labels: Tensor) -> Tensor:
        """The same on batches as models take them, (P, B, ...). layout: as `mmbench.training.stack.pack` gives it."""
        torch.utils.deterministic.fill_uninitialized_memory = self.done == 0  # type: ignore[attr-defined]
        self.now.copy_(self.table[self.done])
        self.layout = layout
        (losses,) = self._step(*tensors, labels) if self.captured is None else self.captured(*tensors, labels)
        self.done += 1
        assert losses is not None
        return losses

    def _step(self, *tensors: Tensor) -> Results:
        first, (*parts, labels) = self.settings[0], tensors
        with autocast(first.precision, labels.device):
            losses = self.stack.gradients(parts, self.layout, labels, self._loss, self.gradients)
        with torch.no_grad():
            norms = self.gradients.norm(dim=1)
            self._note(losses, norms)
            self.gradients.mul_((first.clip_norm / (norms + 1e-6)).clamp(max=1.0)[:, None])
            decay, size, root, new, _ = self.now
            self.matrix.mul_(decay)
            self.moments.lerp_(self.gradients, 1 - BETAS[0])
            self.squares.mul_(BETAS[1]).addcmul_(self.gradients, self.gradients, value=1 - BETAS[1])
            self.matrix.sub_(size * (self.moments / (self.squares.sqrt() / root + EPSILON)))
            if self.means is not None:
                self.means.lerp_(self.matrix, new)
        return (losses,)

    def _note(self, losses: Tensor, norms: Tensor) -> None:
        step = self.now[4, :, 0].to(self.first_bad.dtype)
        fresh = ~torch.isfinite(losses + norms) & (self.first_bad < 0)
        self.first_bad.copy_(torch.where(fresh, step, self.first_bad))
        self.bad.copy_(torch.where(fresh[:, None], torch.stack([losses, norms], 1), self.bad))

    @property
    def weights(self) -> Tensor:
        """(P, N): the weights that count, the average over the last steps or those of the last."""
        return self.matrix if self.means is None else self.means

    def diverged(self) -> Iterator[tuple[int, DivergedError]]:
        """The models whose loss or gradient stopped being finite."""
        for row, step in enumerate(self.first_bad.tolist()):
            if step >= 0:
                loss, norm = self.bad[row].tolist()
                where = f"epoch {step // self.per_epoch}, step {step}"
                yield row, DivergedError(f"loss {loss}, gradient norm {norm} at {where}")


def check(
    stack: Stack, train: Split, objective: Objective, batch_size: int, hidden: ModalityDropout | None = None
) -> None:
    """Compare the models of a stack with themselves alone, on one batch and without dropout.

    Raises CannotStackError where a model finds another loss or gradient in the group than alone, as one does that keeps
    numbers in Python or mixes what belongs to several models.
    """
    index = torch.arange(min(batch_size, len(train)), device=train.labels.device)
    inputs, labels = train.rows(index)
    if hidden is not None:
        inputs = hidden(inputs, index)
    tensors, layout = pack(inputs)
    into = torch.zeros_like(stack.matrix)
    stack.skeleton.eval()
    each = [t.expand(len(stack), *t.shape) for t in tensors]
    losses = stack.gradients(each, layout, labels.expand(len(stack), *labels.shape), objective.training_loss, into)
    found = stack.views(into)
    for row in {0, len(stack) - 1}:
        model = stack.models[row].eval()
        named = {n: p for n, p in model.named_parameters() if p.requires_grad}
        loss = objective.training_loss(model(inputs), labels)
        alone = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
        size = sum(float(g.square().sum()) for g in alone if g is not None) ** 0.5
        apart = [found[name][row] if g is None else found[name][row] - g for name, g in zip(named, alone, strict=True)]
        distance = sum(float(d.square().sum()) for d in apart) ** 0.5
        if abs(float(losses[row]) - float(loss.detach())) > CLOSE * max(1.0, abs(float(loss.detach()))) or not (
            distance <= CLOSE * max(size, CLOSE)
        ):
            raise CannotStackError("a model finds other gradients in a group than alone")


class Predictions:
    """The logits (P, N, C) in float32 of every model on a split, with the weights that count, in evaluation mode."""

    def __init__(self, steps: Steps, split: Split, *, capture: Capture | None = None) -> None:
        self.steps, self.split = steps, split
        self.layout: Sequence[tuple[str, bool]] = ()
        self.captured = Captured(self._outputs, capture, steps.stack.skeleton) if capture else None

    def _outputs(self, *tensors: Tensor) -> Results:
        with autocast(self.steps.settings[0].precision, self.split.labels.device):
            return (self.steps.stack.outputs(self.steps.weights, unpack(tensors, self.layout)),)

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        self.steps.stack.skeleton.eval()
        parts = []
        for i in range(0, len(self.split), EVALUATION_BATCH):
            tensors, self.layout = pack(self.split.rows(slice(i, i + EVALUATION_BATCH))[0])
            (found,) = self._outputs(*tensors) if self.captured is None else self.captured(*tensors)
            assert found is not None
            # The next batch writes over what a graph has found.
            parts.append(found.float() if self.captured is None else found.float().clone())
        return torch.cat(parts, 1)


def fit(
    models: Sequence[nn.Module],
    train: Split,
    validation: Split,
    settings: Sequence[Training],
    objective: Objective,
    *,
    seeds: Sequence[int],
    capture: Capture | None = None,
    lengths: Mapping[str, int] | None = None,
) -> list[Trained | DivergedError]:
    """Train these models in place and leave each at its best epoch on validation; those that diverge are left as they
    are. settings: equal but for learning rates and weight decays. capture: how steps are captured; None: as the device
    does. lengths: of masks, where modalities are dropped (`mmbench.model.hiding.mask_lengths`). The seconds of each are
    those of all of them together, shared out evenly.

    Raises CannotStackError where they cannot be one program: nothing has changed then.
    """
    with captures(train.labels.device, capture) as own:
        hidden = ModalityDropout.of(settings[0], lengths, train, seeds)
        return _fit(models, train, validation, settings, objective, seeds=seeds, capture=own, hidden=hidden)


def _fit(
    models: Sequence[nn.Module],
    train: Split,
    validation: Split,
    settings: Sequence[Training],
    objective: Objective,
    *,
    seeds: Sequence[int],
    capture: Capture | None,
    hidden: ModalityDropout | None,
) -> list[Trained | DivergedError]:
    first, device = settings[0], train.labels.device
    began = time.perf_counter()
    stack = Stack(models)
    check(stack, train, objective, first.batch_size, hidden)
    steps = Steps(stack, settings, objective, samples=len(train), capture=capture)
    predictions = Predictions(steps, validation, capture=capture)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    histories = [History(objective, validation.labels, first.patience) for _ in models]
    running, ended = set(range(len(models))), dict[int, DivergedError]()
    for epoch in count():
        stack.skeleton.train()
        totals = torch.zeros(len(models), device=device)
        order = torch.stack([torch.randperm(len(train), generator=g) for g in orders]).to(device)
        if hidden is not None:
            hidden.begin(epoch)
        for index in order.split(first.batch_size, 1):
            totals += steps.train(index, train, hidden) * index.shape[1]
        ended |= {row: error for row, error in steps.diverged() if row in running}
        running -= ended.keys()
        logits = predictions()
        for row, mean_loss in enumerate((totals / len(train)).tolist()):
            if row not in running:
                continue
            try:
                goes_on = histories[row].add(mean_loss, logits[row], partial(stack.state, row, steps.weights))
            except DivergedError as error:
                ended[row], goes_on = error, False
            if not goes_on:
                running.discard(row)
        if not running or epoch + 1 == first.epochs:
            break
    seconds = (time.perf_counter() - began) / len(models)
    found: list[Trained | DivergedError] = []
    for row, history in enumerate(histories):
        if row in ended or history.best is None:
            found.append(ended[row])
            continue
        best = history.best
        models[row].load_state_dict(best.weights)
        found.append(
            Trained(
                curves=history.curves,
                best_epoch=best.epoch,
                seconds=seconds,
                outputs=best.outputs,
                uncaptured=None if capture is None else capture.refusal,
            )
        )
    return found
