"""The only place where the axes meet: a trial's choices -> a module from raw inputs to logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmbench.data.batches import Inputs
from mmbench.model.block import MLP, Cross, Head, Layer, ReadOut, dropouts
from mmbench.model.interfaces import (
    Architecture,
    Attention,
    Bank,
    Fusion,
    Kit,
    Model,
    Part,
    Segment,
    Stream,
    Streams,
    Summaries,
)
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import ModelSize
from mmbench.schema.trial import TrialConfig

MakeMechanism = Callable[[int, int], Attention]
"""(heads, width of a head) -> a mechanism."""


class SingleHead(Fusion):
    """What stands in for a fusion where there is one modality: the head alone."""

    family = "none"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        (summary,) = summaries.values()
        return self.head(summary)


class Branch(Model):
    """One whole model: raw inputs per modality -> logits (B, C).

    Stems, fusion of the inputs, layers with exchanges between them, read-outs, fusion of the outputs.
    """

    def __init__(
        self,
        modalities: tuple[str, ...],
        *,
        spec: DataSpec,
        size: ModelSize,
        attention: MakeMechanism,
        fusion: Callable[[Kit], Fusion],
        architecture: type[Architecture],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.modalities = modalities
        width, depth, heads = size.width, size.depth, size.heads
        self.width = width
        make_attention = partial(attention, heads, width // heads)

        self.stems = nn.ModuleDict()
        for name in modalities:
            modality = spec.modalities[name]
            stem = get("stem", modality.kind, where=f"data set {spec.name}").cls
            self.stems[name] = stem(width, modality.shape, **modality.options)
        self.drop = nn.Sequential(*dropouts(dropout))
        told_apart = modalities if architecture.modality_embedding and len(modalities) > 1 else ()
        self.modality_embedding = nn.ParameterDict({name: torch.randn(width) * 0.02 for name in told_apart})

        def bank(make: Callable[[], nn.Module], part: Part, layer: int, names: tuple[str, ...] = modalities) -> Bank:
            return Bank(names, lambda name: architecture.allot(name, part, layer), make)

        kit = Kit(
            modalities=modalities,
            width=width,
            depth=depth,
            classes=len(spec.task.targets),
            bank=bank,
            cross=lambda: Cross(width=width, heads=heads, make_attention=make_attention),
            mlp=lambda: MLP(width, size.mlp_hidden, dropout),
            head=lambda inputs: Head(inputs, size.head_hidden, len(spec.task.targets)),
        )
        self.fusion = fusion(kit)
        streams, tokens = type(self.fusion).stream_names(modalities), type(self.fusion).token_names(modalities)
        self.layers = nn.ModuleList(
            Layer(
                width=width,
                heads=heads,
                mlp_hidden=size.mlp_hidden,
                dropout=dropout,
                make_attention=make_attention,
                token_bank=partial(bank, part="tokens", layer=i, names=tokens),
                mlp_bank=partial(bank, part="mlp", layer=i, names=tokens),
                attention_bank=partial(bank, part="attention", layer=i, names=streams),
            )
            for i in range(depth)
        )
        self.read_outs = bank(
            lambda: ReadOut(width=width, heads=heads, make_attention=make_attention), "readout", depth, streams
        )

    def embed(self, inputs: Inputs) -> Streams:
        """Raw inputs -> one stream of tokens a modality."""
        streams = {}
        for name in self.modalities:
            tokens, mask = self.stems[name](inputs[name])
            if name in self.modality_embedding:
                tokens = tokens + self.modality_embedding[name]
            tokens = self.drop(tokens)
            streams[name] = Stream(tokens=tokens, mask=mask, segments=(Segment(modality=name, length=tokens.shape[1]),))
        return streams

    def encode(self, streams: Streams) -> Streams:
        """Streams from the stems -> streams after the last layer."""
        inputs = streams
        streams = self.fusion.merge_inputs(inputs)
        for i, layer in enumerate(self.layers):
            streams = {name: layer(name, stream) for name, stream in streams.items()}
            if i + 1 < len(self.layers):
                streams = self.fusion.exchange(i, streams, inputs)
        return streams

    def forward(self, inputs: Inputs) -> Tensor:
        streams = self.encode(self.embed(inputs))
        return self.fusion.merge_outputs({name: self.read_outs[name](stream)[0] for name, stream in streams.items()})


def assemble(
    *,
    modalities: tuple[str, ...],
    spec: DataSpec,
    size: ModelSize,
    attention: MakeMechanism,
    fusion: Callable[[Kit], Fusion],
    architecture: type[Architecture],
    options: Mapping[str, Any] | None = None,
    dropout: float = 0.0,
) -> Architecture:
    """One model of these parts, freshly initialised from PyTorch's global random state.

    `options` are those of the architecture. dropout: of embedded tokens, of what attention adds, and in MLPs.
    """

    def make_branch(names: tuple[str, ...]) -> Model:
        chosen = fusion if len(names) > 1 else SingleHead
        return Branch(
            names,
            spec=spec,
            size=size,
            attention=attention,
            fusion=chosen,
            architecture=architecture,
            dropout=dropout,
        )

    return architecture(make_branch, modalities, **(options or {}))


def build(config: TrialConfig, spec: DataSpec, *, attention: MakeMechanism | None = None) -> Architecture:
    """The model of a trial. `attention`: made in place of the mechanism that the configuration names.

    A trial of a single modality has neither fusion nor architecture: it is one branch with its own weights.
    Raises UserError for an unknown name.
    """
    assert config.model is not None and config.attention is not None
    if attention is None:
        mechanism = get("attention", config.attention.name, where="trial").cls
        attention = partial(mechanism, **config.options("attention"))
    fusion: Callable[[Kit], Fusion] = SingleHead
    architecture, options = "independent", {}
    if config.fusion is not None and config.architecture is not None:
        fusion = partial(get("fusion", config.fusion.name, where="trial").cls, **config.options("fusion"))
        architecture, options = config.architecture.name, config.options("architecture")
    return assemble(
        modalities=config.modalities,
        spec=spec,
        size=config.model,
        attention=attention,
        fusion=fusion,
        architecture=get("architecture", architecture, where="trial").cls,
        options=options,
        dropout=config.train.dropout if config.train is not None else 0.0,
    )
