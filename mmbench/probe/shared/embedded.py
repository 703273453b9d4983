"""A trained model that is asked about tokens, as its stems embed them, in place of raw inputs.

A token that is masked here is masked for the whole model, as one that a sample lacks: stems let nothing of a masked
step through, and attention passes over it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.model.block import ReadOut
from mmbench.model.build import Branch
from mmbench.model.interfaces import Stream

BATCH = 256
PAIRS = 2**23
"""Rows that pass through a model at once, and pairs of tokens in all of them."""

SAME = 1e-3
"""How far answers may differ, relative to their size: kernels round otherwise in larger batches."""

Place = tuple[int, str]
"""Branch of the model, modality: a model of several branches embeds a modality in each."""

Tokens = Mapping[Place, Tensor]
Masks = Mapping[str, Tensor]


class _Given(nn.Module):
    """Stands where a stem was, and returns what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: tuple[Tensor, Tensor] | None = None

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        assert self.given is not None
        return self.given


@dataclass(frozen=True, kw_only=True)
class Read:
    """What one read-out looked at: its stream, and weights (B, H, L), None where it has none."""

    stream: Stream
    weights: Tensor | None


class Embedded:
    """Some samples as a model embeds them, and the model from there on. It is a copy, whose weights no gradient needs.

    Attributes:
        tokens: (n, L, D) by place. mask: (n, L) bool by modality, True = real.
        outputs: (n, C) on the samples as they are.
    """

    def __init__(self, model: nn.Module, inputs: Inputs) -> None:
        """Raises ValueError where the model is not made of branches with a stem for each modality."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.names = tuple(inputs)
        self.inputs = inputs
        branches = [m for m in self.model.modules() if isinstance(m, Branch)]
        self.tokens: dict[Place, Tensor] = {}
        self.mask: dict[str, Tensor] = {}
        self._stems: dict[Place, _Given] = {}
        with torch.no_grad():
            for i, branch in enumerate(branches):
                for name in branch.stems:
                    tokens, mask = branch.stems[name](inputs[name])
                    if self.mask.setdefault(name, mask).shape != mask.shape:
                        raise ValueError(f"the branches of the model cut {name} into different tokens")
                    self.tokens[i, name] = tokens
                    self._stems[i, name] = branch.stems[name] = _Given()
        if self.mask.keys() != set(self.names):
            raise ValueError("the model is not made of branches with a stem for each modality")
        with torch.no_grad():
            self.outputs = self.run(self.tokens, self.mask)

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(self.tokens)

    def run(self, tokens: Tokens, mask: Masks) -> Tensor:
        """(B, C) float32 for any number of rows that are made of tokens."""
        parts = []
        for rows in self.parts(mask):
            for (i, name), stem in self._stems.items():
                stem.given = tokens[i, name][rows], mask[name][rows]
            parts.append(self.model(self.inputs).float())
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def parts(self, mask: Masks) -> Iterator[slice]:
        """Rows that may pass through the model at once."""
        count, length = len(next(iter(mask.values()))), sum(m.shape[1] for m in mask.values())
        size = max(1, min(BATCH, PAIRS // length**2))
        yield from (slice(start, start + size) for start in range(0, count, size))

    @contextmanager
    def watched(self) -> Iterator[list[Read]]:
        """Within it, each run adds what its read-outs look at."""
        found: list[Read] = []

        def ask(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return args, kwargs | {"need_weights": True}

        def keep(module: nn.Module, args: Any, kwargs: dict[str, Any], result: tuple[Tensor, Tensor | None]) -> None:
            found.append(Read(stream=args[0], weights=result[1]))

        handles = []
        for module in self.model.modules():
            if isinstance(module, ReadOut):
                handles.append(module.register_forward_pre_hook(ask, with_kwargs=True))
                handles.append(module.register_forward_hook(keep, with_kwargs=True))
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()


def embedded(model: nn.Module, inputs: Inputs) -> Embedded | None:
    """The samples as the model embeds them; None where its answers do not come of such tokens alone: of baselines, and
    of architectures that are not made of branches."""
    if not any(isinstance(m, Branch) for m in model.modules()):
        return None
    try:
        made = Embedded(model, inputs)
        with torch.no_grad():
            wanted = model(inputs).float()
            # Twice as many rows as there are inputs: what is read past the stems would not fit them.
            twice = made.run(*_doubled(made))
    except Exception:  # what others write may read its inputs in any way
        return None
    wanted = wanted.repeat(2, 1)
    fits = twice.shape == wanted.shape
    return made if fits and bool(((twice - wanted).abs() <= SAME * (1 + wanted.abs())).all()) else None


def _doubled(x: Embedded) -> tuple[dict[Place, Tensor], dict[str, Tensor]]:
    tokens = {place: t.repeat(2, 1, 1) for place, t in x.tokens.items()}
    return tokens, {name: m.repeat(2, 1) for name, m in x.mask.items()}


def renewed(model: nn.Module, seed: int) -> nn.Module:
    """A copy with fresh weights, as before training: each module draws its own anew, and parameters that no module can
    draw hold their numbers in random order."""
    made = copy.deepcopy(model).cpu()
    drawn: set[int] = set()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in made.modules():
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()
                drawn |= {id(x) for x in module.parameters(recurse=False)}
        for x in made.parameters():
            if id(x) not in drawn:
                x.copy_(x.flatten()[torch.randperm(x.numel())].view_as(x))
    return made.to(next(model.parameters()).device)
