"""The only place where the axes meet: a trial's choices -> a module from raw inputs to logits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from mmbench.block import Cross, Head, Layer, ReadOut
from mmbench.config import DataSpec, TrialConfig
from mmbench.registry import get
from mmbench.types import Architecture, Bank, Fusion, Inputs, Kit, Part, Segment, Stream, Streams, Summaries


class SingleHead(Fusion):
    """What stands in for a fusion where there is one modality: the head alone."""

    family = "none"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        (summary,) = summaries.values()
        return self.head(summary)


class Branch(nn.Module):
    """One whole model: stems, fusion of the inputs, layers with exchanges between them, read-outs, fusion of the outputs.

    Raw inputs per modality -> logits (B, C).
    """

    def __init__(
        self,
        modalities: tuple[str, ...],
        *,
        config: TrialConfig,
        spec: DataSpec,
        fusion: Callable[[Kit], Fusion],
        architecture: type[Architecture],
    ) -> None:
        super().__init__()
        size = config.model
        assert size is not None and config.attention is not None
        self.modalities = modalities
        width, depth, heads = size.width, size.depth, size.heads
        attention = config.attention
        make_attention = partial(
            get("attention", attention.name, where="trial").cls, heads, width // heads, **attention.options
        )

        self.stems = nn.ModuleDict()
        for name in modalities:
            modality = spec.modalities[name]
            stem = get("stem", modality.kind, where=f"data set {spec.name}").cls
            self.stems[name] = stem(width, modality.shape, **modality.options)
        self.modality_embedding = (
            nn.ParameterDict({name: torch.randn(width) * 0.02 for name in modalities})
            if architecture.modality_embedding and len(modalities) > 1
            else {}
        )

        def bank(make: Callable[[], nn.Module], part: Part, layer: int, names: tuple[str, ...] = modalities) -> Bank:
            return Bank(names, lambda name: architecture.allot(name, part, layer), make)

        kit = Kit(
            modalities=modalities,
            width=width,
            depth=depth,
            classes=len(spec.classes),
            bank=bank,
            cross=lambda: Cross(width=width, heads=heads, make_attention=make_attention),
            head=lambda inputs: Head(inputs, width, len(spec.classes)),
        )
        self.fusion = fusion(kit)
        streams = type(self.fusion).stream_names(modalities)
        self.layers = nn.ModuleList(
            Layer(
                width=width,
                heads=heads,
                mlp_ratio=size.mlp_ratio,
                make_attention=make_attention,
                token_bank=partial(bank, part="tokens", layer=i),
                mlp_bank=partial(bank, part="mlp", layer=i),
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
            streams[name] = Stream(tokens=tokens, mask=mask, segments=(Segment(modality=name, length=tokens.shape[1]),))
        return streams

    def encode(self, streams: Streams) -> Streams:
        """Streams from the stems -> streams after the last layer."""
        streams = self.fusion.merge_inputs(streams)
        for i, layer in enumerate(self.layers):
            streams = {name: layer(name, stream) for name, stream in streams.items()}
            if i + 1 < len(self.layers):
                streams = self.fusion.exchange(i, streams)
        return streams

    def forward(self, inputs: Inputs) -> Tensor:
        streams = self.encode(self.embed(inputs))
        return self.fusion.merge_outputs({name: self.read_outs[name](stream)[0] for name, stream in streams.items()})


def build(config: TrialConfig, spec: DataSpec) -> Architecture:
    """The model of a trial, freshly initialised from PyTorch's global random state.

    A trial of a single modality has neither fusion nor architecture: it is one branch with its own weights.
    Raises UserError for an unknown name.
    """
    if config.fusion is None or config.architecture is None:
        make_fusion: Callable[[Kit], Fusion] = SingleHead
        architecture_class, options = get("architecture", "independent", where="single modality").cls, {}
    else:
        fusion = config.fusion
        make_fusion = partial(get("fusion", fusion.name, where="trial").cls, **fusion.options)
        architecture_class = get("architecture", config.architecture.name, where="trial").cls
        options = config.architecture.options

    def make_branch(modalities: tuple[str, ...]) -> Branch:
        chosen = make_fusion if len(modalities) > 1 else SingleHead
        return Branch(modalities, config=config, spec=spec, fusion=chosen, architecture=architecture_class)

    return architecture_class(make_branch, config.modalities, **options)
