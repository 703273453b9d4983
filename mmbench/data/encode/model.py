"""A pretrained encoder, loaded: the part of a model that reads one kind, its preprocessing, and its device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from mmbench.data.encode.files import EXTRA, Files
from mmbench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

Kind = Literal["text", "image", "audio", "video"]

PARTS = {"text": "text_model", "image": "vision_model", "audio": "audio_model", "video": "vision_model"}
"""What the part for a kind is called in a model of several, such as CLIP."""

TAKES = {"input_ids": "text", "pixel_values": "image", "input_values": "audio", "input_features": "audio"}
"""Which kind a model is for, by the name of its main input."""

UNUSED = ("mask_token", "masked_spec_embed")
"""Weights for pretraining alone: an encoder without them is whole."""

AT_ONCE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """part: what is run, in evaluation mode. config: its own. prepare: tokenizer, image processor or feature extractor.
    pooler: whether its pooled output, if any, comes from pretrained weights."""

    files: Files
    part: nn.Module
    config: Any
    prepare: Any
    pooler: bool
    device: Any

    def run(self, inputs: Sequence[Mapping[str, Tensor]]) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Of each input, a batch of one: its last hidden states (T, F) or (F, height, width), and its pooled output
        (F,) where that is pretrained; float32, on the CPU.

        Inputs of one shape run together, never padded: no result depends on what else is in the batch.
        """
        import torch

        found: list[tuple[Tensor, Tensor | None] | None] = [None] * len(inputs)
        shapes: dict[Any, list[int]] = {}
        for i, one in enumerate(inputs):
            shapes.setdefault(tuple((k, v.shape) for k, v in sorted(one.items())), []).append(i)
        for same in shapes.values():
            for some in (same[i : i + AT_ONCE] for i in range(0, len(same), AT_ONCE)):
                batch = {k: torch.cat([inputs[i][k] for i in some]).to(self.device) for k in inputs[some[0]]}
                with torch.inference_mode():
                    output = self.part(**batch)
                pooled = getattr(output, "pooler_output", None) if self.pooler else None
                for row, i in enumerate(some):
                    summary = None if pooled is None else pooled[row].flatten().float().cpu()
                    found[i] = output.last_hidden_state[row].float().cpu(), summary
        yield from (one for one in found if one is not None)


def version() -> str:
    """Of transformers. Raises UserError where it is not installed."""
    try:
        import transformers
    except ImportError:
        raise UserError(EXTRA) from None
    return str(transformers.__version__)


@lru_cache(maxsize=4)
def load(files: Files, kind: Kind) -> Model:
    """The part of the encoder that reads this kind. Raises UserError where there is none, or it cannot be loaded."""
    try:
        import torch
        import transformers
    except ImportError:
        raise UserError(EXTRA) from None
    safe = {"trust_remote_code": False, "local_files_only": True}
    name, folder = files.name, str(files.folder)
    with _quiet(), _explain_errors(name, kind):
        config = transformers.AutoConfig.from_pretrained(folder, **safe)
        model, info = transformers.AutoModel.from_pretrained(
            folder, config=config, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **safe
        )
        part = getattr(model, PARTS[kind], None)
        if part is None:
            # Not by config.is_encoder_decoder, which is false where T5's encoder was saved alone.
            part = model.get_encoder() if hasattr(model, "encoder") and hasattr(model, "decoder") else model
        _fits(name, kind, part)
        # Pillow also where torchvision is installed: the same pixels on every machine.
        prepare = _preparation(transformers, kind).from_pretrained(
            folder, **({"backend": "pil"} if kind in ("image", "video") else {}), **safe
        )
    untrained = _untrained(model, part, info)
    if missing := sorted(n for n in untrained if "pooler" not in n.split(".")):
        raise UserError(
            f"encoder {name!r} lacks {len(missing)} of the weights that a {type(part).__name__} has, such as "
            f"{missing[0]}: it is not pretrained"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    part = part.eval().requires_grad_(False).to(device)
    return Model(files=files, part=part, config=part.config, prepare=prepare, pooler=not untrained, device=device)


def _preparation(transformers: Any, kind: Kind) -> Any:
    return {
        "text": transformers.AutoTokenizer,
        "image": transformers.AutoImageProcessor,
        "audio": transformers.AutoFeatureExtractor,
        "video": transformers.AutoImageProcessor,
    }[kind]


def _fits(name: str, kind: Kind, part: Any) -> None:
    """Raises UserError where the model reads another kind."""
    meant = TAKES.get(part.main_input_name)
    if meant != ("image" if kind == "video" else kind):
        takes = f"of {meant}" if meant else f"that takes {part.main_input_name!r}, which mmbench does not have"
        raise UserError(f"{name!r} is no encoder of {kind}, but one {takes}")


def _untrained(model: nn.Module, part: nn.Module, info: Mapping[str, Any]) -> list[str]:
    """The weights of the part that the files do not have, so that transformers made them up."""
    own = {id(p) for p in part.parameters()}
    names = {n for n, p in model.named_parameters() if id(p) in own}
    return sorted(n for n in info["missing_keys"] if n in names and n.split(".")[-1] not in UNUSED)


@contextmanager
def _explain_errors(name: str, kind: Kind) -> Iterator[None]:
    """Whatever transformers makes of files that do not fit becomes a UserError: it raises nearly everything."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"encoder {name!r} cannot be loaded as one of {kind} ({type(error).__name__}: {said})"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and advice of transformers; what matters of it is checked here."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
