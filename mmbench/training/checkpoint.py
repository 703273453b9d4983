"""A training that can go on in another process: what it stands at after an epoch, as bytes.

Tensors and one JSON text (safetensors): nothing in it is ever executed. Whoever goes on from it computes what would
have been computed without a break, bit by bit, given the same versions and the same kind of device.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from mmbench import provenance

if TYPE_CHECKING:
    from mmbench.training.history import History
    from mmbench.training.loop import Steps

LAYOUT = 1


class Checkpoints(Protocol):
    """Where a trial's checkpoints are kept."""

    def found(self) -> bytes | None:
        """The last one; None where there is none."""

    @property
    def due(self) -> Callable[[], bool]:
        """Tells whether so much time has gone since the last one that another is worth while."""

    @property
    def keep(self) -> Callable[[bytes], None]:
        """Puts one in place of the last one."""


class Anew:
    """Keeps checkpoints, and goes on from none that is there."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.due, self.keep = checkpoints.due, checkpoints.keep

    def found(self) -> None:
        return None


class CheckpointError(ValueError):
    """These bytes are not what this training can go on from. The message says why."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What a training stands at.

    Attributes:
        facts: As JSON has them.
        tensors: By part and name, such as "model" and "head.weight".
    """

    facts: dict[str, Any]
    tensors: Mapping[str, Mapping[str, Tensor]]

    def to_bytes(self) -> bytes:
        flat = {
            # Tied weights are stored once for each name: the format refuses tensors that share memory.
            f"{part}/{name}": value.detach().cpu().clone().contiguous()
            for part, own in self.tensors.items()
            for name, value in own.items()
        }
        facts = self.facts | {"layout": LAYOUT, "versions": provenance.versions()}
        return save_tensors(flat, {"facts": json.dumps(facts)})

    @classmethod
    def from_bytes(cls, content: bytes) -> State:
        """Raises CheckpointError where they are none, or were written under other versions."""
        try:
            facts = json.loads(_facts(content))
            flat = load_tensors(content)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"no checkpoint: {error}") from None
        if not isinstance(facts, dict) or (facts.get("layout"), facts.get("versions")) != (
            LAYOUT,
            provenance.versions(),
        ):
            raise CheckpointError("written under other versions")
        tensors: dict[str, dict[str, Tensor]] = {}
        for key, value in flat.items():
            part, _, name = key.partition("/")
            tensors.setdefault(part, {})[name] = value
        return cls(facts=facts, tensors=tensors)


def _facts(content: bytes) -> str:
    """The JSON text of a safetensors file in memory: 8 bytes of length, then a header that may hold texts."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return str(header["__metadata__"]["facts"])


def random_states(device: torch.device) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Of all that a model may draw from: facts and tensors."""
    drawn: Any = np.random.get_state()  # noqa: NPY002
    kind, keys, position, has_gauss, gauss = drawn
    version, internal, following = random.getstate()
    facts = {
        "numpy": [kind, int(position), int(has_gauss), float(gauss)],
        "python": [version, list(internal), following],
    }
    tensors = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(keys.astype(np.int64))}
    if device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(device)
    return facts, tensors


def restore_random_states(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], device: torch.device) -> None:
    kind, position, has_gauss, gauss = facts["numpy"]
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state((kind, keys, position, has_gauss, gauss))  # noqa: NPY002
    version, internal, following = facts["python"]
    random.setstate((version, tuple(internal), following))
    torch.set_rng_state(tensors["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["cuda"], device)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """By `number/name`."""
    return {
        f"{number}/{name}": value
        for number, own in optimiser.state_dict()["state"].items()
        for name, value in own.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})


@dataclass(frozen=True, kw_only=True)
class Stand:
    """All that a training changes. order: what the order of samples is drawn from."""

    model: nn.Module
    steps: Steps
    order: torch.Generator
    history: History

    def to_bytes(self, epochs: int, seconds: float) -> bytes:
        """A checkpoint. epochs: that are behind it; seconds: that they took."""
        device = self.history.labels.device
        facts, tensors = self.history.state()
        states, drawn = random_states(device)
        averaged = self.steps.averaged
        means = {} if averaged is None else {str(i): mean for i, mean in enumerate(averaged.means)}
        return State(
            facts=facts | {"epochs": epochs, "seconds": seconds, "steps": self.steps.done, "random": states},
            tensors=tensors
            | {
                "model": self.model.state_dict(),
                "optimiser": optimiser_tensors(self.steps.optimiser),
                "means": means,
                "random": drawn,
                "order": {"state": self.order.get_state()},
            },
        ).to_bytes()

    def go_on(self, content: bytes) -> tuple[int, float]:
        """Take a checkpoint up; returns the epochs that are behind it and the seconds that they took. Raises
        CheckpointError; then all is to begin anew, the model too."""
        found = State.from_bytes(content)
        facts, tensors = found.facts, found.tensors
        try:
            self.model.load_state_dict(dict(tensors["model"]))
            restore_optimiser(self.steps.optimiser, tensors["optimiser"])
            self.history.restore(facts, tensors)
            if self.steps.averaged is not None:
                for i, mean in enumerate(self.steps.averaged.means):
                    mean.copy_(tensors["means"][str(i)])
                self.steps.averaged.done = int(facts["steps"])
            self.steps.done = int(facts["steps"])
            self.order.set_state(tensors["order"]["state"])
            restore_random_states(facts["random"], tensors["random"], self.history.labels.device)
            return int(facts["epochs"]), float(facts["seconds"])
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"of another training: {error}") from None
