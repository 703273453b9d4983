"""A trained model as a folder: numbers as safetensors, everything else as JSON. Nothing in it is ever executed.

`weights.safetensors`; `model.json`, the trial's configuration and its results; `spec.json` and `decoders.json`, as in
the prepared data set; `check.safetensors`, some random inputs and what the model made of them when it was saved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pydantic
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.data.prepare.readers import FILE as READERS
from mmbench.data.prepare.readers import Reader, load, to_json
from mmbench.errors import UserError
from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec, load_spec
from mmbench.schema.result import TrialResult
from mmbench.schema.strict_yaml import parse

WEIGHTS, MODEL, SPEC, CHECK = "weights.safetensors", "model.json", "spec.json", "check.safetensors"
CHECKED = 4
"""Samples that a saved model is tried on."""

TOLERANCE = 1e-3
"""Of the outputs for them: another machine rounds otherwise, another source computes something else."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A trained model and what it takes to feed it. model: in evaluation mode, on the CPU."""

    result: TrialResult
    spec: DataSpec
    readers: dict[str, Reader]
    model: nn.Module

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.result.config.modalities


def save(folder: Path, model: nn.Module, result: TrialResult, prepared: Path) -> None:
    """Write a trained model. result: of its training. prepared: the folder of the data that it was trained on."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = load_spec(prepared)
    # Tied weights are stored once for each of their names: safetensors refuses tensors that share memory.
    state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    (folder / MODEL).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / SPEC).write_text(json.dumps(spec.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    if readers := {name: r for name, r in load(prepared).items() if name in result.config.modalities}:
        (folder / READERS).write_text(to_json(readers), encoding="utf-8")
    # Saved weights in a new model, as whoever loads them has it.
    made = _build_model(result, spec, state)
    inputs = _random(spec, result.config.modalities)
    save_file({**{f"input.{n}": x.values for n, x in inputs.items()}, "output": _outputs(made, inputs)}, folder / CHECK)


def read(folder: Path) -> Bundle:
    """Raises UserError where the folder holds no such model, or where this source makes another one of it."""
    file = folder / MODEL
    try:
        result = TrialResult.model_validate_json(file.read_bytes())
        state, check = load_file(folder / WEIGHTS), load_file(folder / CHECK)
        raw = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no model of mmbench: {Path(error.filename or '').name} is missing") from None
    except (OSError, ValueError, RecursionError, SafetensorError, pydantic.ValidationError) as error:
        said = " ".join(str(error).split())[:300]
        raise UserError(f"the model in {folder} is broken ({said}); make it again with `mmbench champion`") from None
    spec = parse(DataSpec, raw, folder / SPEC)
    if result.config.role == "baseline" or (unknown := set(result.config.modalities) - spec.modalities.keys()):
        said = "a baseline has no weights" if result.config.role == "baseline" else f"{SPEC} lacks {', '.join(unknown)}"
        raise UserError(f"the model in {folder} is broken ({said}); make it again with `mmbench champion`")
    model = _build_model(result, spec, state)
    inputs = _from_check(check, result.config.modalities, folder)
    try:
        same = torch.allclose(_outputs(model, inputs), check["output"], rtol=TOLERANCE, atol=TOLERANCE)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        said = " ".join(str(error).split())[:300]
        raise UserError(f"{folder / CHECK} does not fit the model ({said})") from None
    if not same:
        commit = result.provenance.commit
        raise UserError(
            f"this source of mmbench makes another model of the weights in {folder} than was trained"
            f"{f' (at commit {commit[:12]})' if commit else ''}; go back to it, or run `mmbench champion` again"
        )
    return Bundle(result=result, spec=spec, readers=load(folder), model=model)


def _build_model(result: TrialResult, spec: DataSpec, state: Mapping[str, Tensor]) -> nn.Module:
    try:
        model = build(result.config, spec)
        model.load_state_dict(state)
    except (RuntimeError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:300]
        raise UserError(f"this source of mmbench cannot make {result.config.cell} of these weights: {said}") from None
    return model.eval()


def _random(spec: DataSpec, modalities: tuple[str, ...]) -> Inputs:
    """Inputs that no sample is part of: a model may be passed on where its data may not."""
    draw = torch.Generator().manual_seed(0)
    inputs = {}
    for name in modalities:
        modality = spec.modalities[name]
        shape = (CHECKED, *modality.shape)
        if "vocabulary" in modality.options:
            values = torch.randint(1, modality.options["vocabulary"], shape, generator=draw)
        else:
            values = torch.randn(shape, generator=draw)
        inputs[name] = Example(values=values, mask=None)
    return inputs


def _from_check(check: Mapping[str, Tensor], modalities: tuple[str, ...], folder: Path) -> Inputs:
    if missing := {"output", *(f"input.{n}" for n in modalities)} - check.keys():
        raise UserError(f"{folder / CHECK} lacks {', '.join(sorted(missing))}")
    return {name: Example(values=check[f"input.{name}"], mask=None) for name in modalities}


@torch.inference_mode()
def _outputs(model: nn.Module, inputs: Inputs) -> Tensor:
    return model(inputs).float().contiguous()
