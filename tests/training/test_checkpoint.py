"""A training that goes on in another process comes to what it would have come to, bit by bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mmbench import provenance
from mmbench.cli.project import Loaded
from mmbench.data.batches import as_split
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.schema.params import Choice
from mmbench.schema.plan import Job
from mmbench.schema.result import State
from mmbench.sweep.planning.plan import job_of
from mmbench.training import trial
from mmbench.training.trial import Finished, Splits
from tests.support import small_project

EPOCHS = 6


@dataclass
class Kept:
    """Keeps what is written after every epoch, and ends the training after so many."""

    content: bytes | None = None
    lost_after: int | None = None
    all_: list[bytes] = field(default_factory=list)

    def found(self) -> bytes | None:
        return self.content

    def due(self) -> bool:
        return True

    def keep(self, content: bytes) -> None:
        self.all_.append(content)
        if len(self.all_) == self.lost_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Splits]:
    root = small_project.make(tmp_path_factory.mktemp("checkpoint"))
    _, arrays = load_prepared(root / "data" / "prepared" / "small")
    read = small_project.read(root)
    return read, {name: as_split(read.specs["small"], arrays[name], "cpu") for name in SPLITS}


def job(loaded: Loaded, attention: str, fusion: str, architecture: str, **train: Any) -> Job:
    config = next(j.config for j in loaded.plan.jobs if j.config.role == "cell")
    assert config.train is not None
    settings = {"epochs": EPOCHS, "averaging": 0.1, "batch_size": 8} | train
    update = {"train": config.train.model_copy(update=settings)}
    chosen = {"attention": attention, "fusion": fusion, "architecture": architecture}
    update |= {axis: Choice(name=name) for axis, name in chosen.items()}  # type: ignore[misc]
    return job_of(config.model_copy(update=update), loaded.specs["small"], None, None)


def same(one: Finished, other: Finished) -> None:
    assert one.result.state is other.result.state is State.DONE, (one.result.message, other.result.message)
    assert one.outputs == other.outputs
    assert (one.result.curves, one.result.best_epoch) == (other.result.curves, other.result.best_epoch)
    assert one.model is not None and other.model is not None
    for (name, a), (_, b) in zip(one.model.state_dict().items(), other.model.state_dict().items(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("lost_after", [1, EPOCHS - 1])
@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        (("scaled_dot_product", "concat", "independent"), {}),
        (("performer", "cross_attention", "hybrid"), {"dropout": 0.2}),
        (("additive", "bottleneck", "shared"), {"averaging": 0.0, "patience": 5}),
        (("linear", "mmtm", "dynamic"), {"dropout": 0.1, "epochs": 12}),
    ],
)
def test_it_is_as_if_nothing_had_been_lost(
    loaded: tuple[Loaded, Splits], cell: tuple[str, str, str], settings: dict[str, Any], lost_after: int
) -> None:
    project, splits = loaded
    planned = job(project, *cell, **settings)
    whole = trial.run(planned, project.specs["small"], splits)
    lost = Kept(lost_after=lost_after)
    with pytest.raises(KeyboardInterrupt):
        trial.run(planned, project.specs["small"], splits, checkpoints=lost)
    again = Kept(content=lost.all_[-1])
    found = trial.run(planned, project.specs["small"], splits, checkpoints=again)
    same(found, whole)
    assert found.result.resumed == lost_after and whole.result.resumed == 0
    epochs = len(whole.result.curves["train_loss"])
    assert len(again.all_) <= epochs - lost_after, "epochs that were behind it were trained again"
    assert found.result.quantities["train_seconds"] > 0


def _facts(content: bytes, **changes: Any) -> bytes:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    facts = json.loads(header["__metadata__"]["facts"]) | changes
    return save_tensors(load_tensors(content), {"facts": json.dumps(facts)})


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-100],
    "garbage": lambda content: b"\x80\x04." * 1000,
    "a header of another length": lambda content: b"\xff" * 8 + content[8:],
    "other versions": lambda content: _facts(content, versions=provenance.versions() | {"torch": "1.0"}),
    "another layout": lambda content: _facts(content, layout=0),
    "no steps": lambda content: _facts(content, steps=None),
    "another random state": lambda content: _facts(content, random={"numpy": [], "python": []}),
    "no tensors": lambda content: save_tensors({}, {"facts": "{}"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_gone_on_from_is_begun_anew(loaded: tuple[Loaded, Splits], damage: str) -> None:
    project, splits = loaded
    planned = job(project, "mean", "concat", "independent")
    whole = trial.run(planned, project.specs["small"], splits)
    kept = Kept()
    trial.run(planned, project.specs["small"], splits, checkpoints=kept)
    again = Kept(content=DAMAGES[damage](kept.all_[2]))
    found = trial.run(planned, project.specs["small"], splits, checkpoints=again)
    same(found, whole)
    assert found.result.resumed == 0 and len(again.all_) == EPOCHS


def test_that_of_another_model_is_not_gone_on_from(loaded: tuple[Loaded, Splits]) -> None:
    project, splits = loaded
    other, planned = (job(project, name, "concat", "independent") for name in ("additive", "mean"))
    kept = Kept()
    trial.run(other, project.specs["small"], splits, checkpoints=kept)
    found = trial.run(planned, project.specs["small"], splits, checkpoints=Kept(content=kept.all_[0]))
    same(found, trial.run(planned, project.specs["small"], splits))


def test_a_model_that_remembers_in_python_keeps_none(
    loaded: tuple[Loaded, Splits], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmbench.attention.mean import Mean

    forward = Mean.forward

    def counts(self: Mean, *args: Any, **options: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        return forward(self, *args, **options)

    monkeypatch.setattr(Mean, "forward", counts)
    project, splits = loaded
    kept = Kept()
    found = trial.run(job(project, "mean", "concat", "independent"), project.specs["small"], splits, checkpoints=kept)
    assert found.result.state is State.DONE and not kept.all_
