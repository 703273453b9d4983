"""The shapes and interfaces that every part of mmbench agrees on.

Shape legend, used as suffixes throughout: B batch, L tokens of one stream, N queries, M keys, H heads,
d width of a head, D model width, C classes.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.errors import UserError

JOINT = "joint"
"""Name of the one stream that early fusion makes of all modalities."""

Part = Literal["tokens", "mlp", "attention", "exchange", "readout"]
"""What a set of weights is for; an architecture may allot each part differently."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A run of consecutive tokens that came from one modality."""

    modality: str
    length: int


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Tokens that are encoded together.

    tokens: (B, L, D) float. mask: (B, L) bool, True = real token. segments: where the tokens came from, in order;
    their lengths sum to L.
    """

    tokens: Tensor
    mask: Tensor
    segments: tuple[Segment, ...]

    def with_tokens(self, tokens: Tensor) -> Stream:
        return replace(self, tokens=tokens)


def join(streams: Sequence[Stream]) -> Stream:
    """One stream of all their tokens, in order: (B, sum L, D)."""
    return Stream(
        tokens=torch.cat([s.tokens for s in streams], dim=1),
        mask=torch.cat([s.mask for s in streams], dim=1),
        segments=tuple(segment for s in streams for segment in s.segments),
    )


Streams = Mapping[str, Stream]
Summaries = Mapping[str, Tensor]
"""One vector (B, D) per stream, read out after the last layer."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """What a mechanism reads: values that are split into heads, and which of them are real.

    Attributes:
        v: (B, H, M, d) float.
        kv_mask: (B, M) bool, True = real token.
    """

    v: Tensor
    kv_mask: Tensor


@dataclass(frozen=True, kw_only=True)
class Heads(Values):
    """Queries, keys and values, split into heads; N and M may differ.

    Attributes:
        q: (B, H, N, d) float.
        k: (B, H, M, d) float.
        v: (B, H, M, d) float.
        kv_mask: (B, M) bool, True = real key and value.
        q_mask: (B, N) bool, True = real query.
    """

    q: Tensor
    k: Tensor
    q_mask: Tensor


ATTEND = "def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:"
"""The signature that every mechanism has; a pooling takes `Values`."""


def _check_signature(cls: type) -> None:
    attend = cls.__dict__.get("attend")
    if not inspect.isfunction(attend):
        return
    _, *taken = inspect.signature(attend).parameters.values()
    positional = [p for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p.name for p in taken if p.kind is p.KEYWORD_ONLY]
    if len(positional) == 1 and named == ["need_weights"]:
        return
    found = ", ".join(["self", *(p.name for p in positional), "*" if named else "", *named]).replace(", , ", ", ")
    raise UserError(
        f"{attend.__code__.co_filename}: {cls.__qualname__}.attend takes ({found.removesuffix(', ')}); "
        f"a mechanism takes its arguments as one object:\n    {ATTEND}\n"
        "with heads.q, heads.k, heads.v, heads.kv_mask and heads.q_mask in place of separate arguments "
        "(from mmbench.model.interfaces import Attention, Heads); "
        "a mechanism that ignores queries and keys is a Pooling and takes Values"
    )


class Attention(nn.Module, ABC):
    """How tokens mix: the one primitive that all mechanisms implement, called as `mechanism(heads)`.

    Projections, residuals, norms and the MLP are outside, in the block that all mechanisms share. The mechanism is made
    as `Mechanism(heads, head_dim, **options)` and may own parameters.
    """

    content_based: ClassVar[bool] = True
    """False in a `Pooling`: the block then owns no projections for queries and keys."""
    ordered: ClassVar[bool] = False
    """True when the order of the tokens matters; otherwise permuting keys changes nothing."""
    uses_query_mask: ClassVar[bool] = False
    """True when it matters which queries are real (`heads.q_mask`), as where positions do."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_dim = head_dim

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises UserError where `attend` has another signature, such as that of older versions."""
        super().__init_subclass__(**options)
        _check_signature(cls)

    @abstractmethod
    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Read `heads.v` for every query.

        Returns y (B, H, N, d) and, when `need_weights` and the mechanism has them, weights (B, H, N, M): a distribution
        over the real tokens. Where no token is real, y and weights are 0. Rows of y for padding queries are unspecified
        but must be finite.
        """

    def forward(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return self.attend(heads, need_weights=need_weights)


class Pooling(Attention):
    """A mechanism that ignores queries and keys, so all queries read the same row."""

    content_based = False

    @abstractmethod
    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Read `heads.v` once for all queries: y (B, H, 1, d), weights (B, H, 1, M); else as `Attention.attend`."""

    def forward(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return self.attend(heads, need_weights=need_weights)


class Stem(nn.Module, ABC):
    """Cuts one modality into tokens: raw input -> (tokens (B, L, D), mask (B, L)).

    What lies in masked steps must reach neither tokens nor gradients: read `example.filled()`.

    Made as `SomeStem(width, shape, **options)`: `shape` is the shape of one sample, `options` come from the data set's
    spec (patch size, vocabulary and the like).
    """

    tiny: ClassVar[tuple[tuple[int, ...], Mapping[str, Any]]]
    """A small shape, and options that fit it: what the contract checks build."""

    @abstractmethod
    def forward(self, example: Example) -> tuple[Tensor, Tensor]: ...


class Bank(nn.Module):
    """Modules of one kind, handed out by name; names with the same key share one module."""

    def __init__(self, names: Iterable[str], key_of: Callable[[str], str], make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.key = {name: key_of(name) for name in names}
        self.by_key = nn.ModuleDict({key: make() for key in dict.fromkeys(self.key.values())})

    def __getitem__(self, name: str) -> nn.Module:
        return self.by_key[self.key[name]]

    def per_token(self, tokens_BLD: Tensor, segments: Sequence[Segment]) -> Tensor:
        """Run every token through the module of the modality that it came from.

        A single token, (B, 1, D), stands for as many equal ones as there are: it is run once a module, and the result
        is (B, 1, D) or (B, L, D).
        """
        if len({self.key[s.modality] for s in segments}) == 1:
            return self[segments[0].modality](tokens_BLD)
        if tokens_BLD.shape[1] == 1:
            return torch.cat([self[s.modality](tokens_BLD).expand(-1, s.length, -1) for s in segments], dim=1)
        parts = tokens_BLD.split([s.length for s in segments], dim=1)
        return torch.cat([self[s.modality](x) for s, x in zip(segments, parts, strict=True)], dim=1)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What a fusion is given to build itself from.

    bank(make, part, layer): one module per modality, or fewer where the architecture shares weights. Where inputs are
    merged, layer 0; where streams meet after layer i, layer i + 1.
    cross(): a new pre-norm cross-attention block, called as block(stream, context) -> tokens (B, L, D).
    mlp(): a new pre-norm MLP (B, L, D) -> (B, L, D), without the residual.
    head(inputs): a new small MLP (B, inputs) -> (B, C).
    exchanges(make, part): one bank per exchange, that is, between each layer and the next.
    """

    modalities: tuple[str, ...]
    width: int
    depth: int
    classes: int
    bank: Callable[[Callable[[], nn.Module], Part, int], Bank]
    cross: Callable[[], nn.Module]
    mlp: Callable[[], nn.Module]
    head: Callable[[int], nn.Module]

    def exchanges(self, make: Callable[[], nn.Module], part: Part = "exchange") -> nn.ModuleList:
        return nn.ModuleList(self.bank(make, part, layer + 1) for layer in range(self.depth - 1))


class Fusion(nn.Module, ABC):
    """Where and how modalities meet. Made as `SomeFusion(kit, **options)`; overrides at least one of three places.

    `family` is one of "early", "intermediate", "late (features)", "late (decisions)".
    """

    family: ClassVar[str]

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self.modalities = kit.modalities

    @classmethod
    def stream_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        """The streams that are encoded: one a modality, unless the inputs are merged."""
        return modalities

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        """Why this fusion cannot act on so many modalities at this depth; None where it can."""
        return "fusion needs at least two modalities" if modalities < 2 else None

    @classmethod
    def token_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        """Whose tokens the layers see: the modalities', unless merging makes tokens that are no modality's own."""
        return modalities

    def merge_inputs(self, streams: Streams) -> Streams:
        return streams

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        """Between layer `layer` and the next one (so `depth - 1` times). inputs: the streams as the stems made them."""
        return streams

    @abstractmethod
    def merge_outputs(self, summaries: Summaries) -> Tensor:
        """Summaries (B, D) per stream -> logits (B, C)."""


class IntermediateFusion(Fusion):
    """Streams meet between layers; at the end, logits = MLP([s_1; ...; s_M]), the summaries concatenated.

    A subclass writes `exchange` and hands the modules that it uses there to this constructor, by name.
    """

    family = "intermediate"

    def __init__(self, kit: Kit, **modules: nn.Module) -> None:
        """Registers `modules` in their order, then the head: with one seed, each draws the same numbers."""
        super().__init__(kit)
        for name, module in modules.items():
            self.add_module(name, module)
        self.head = kit.head(kit.width * len(kit.modalities))

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        if depth < 2:
            return "intermediate fusion acts between layers and needs a depth of at least 2"
        return super().cannot(modalities=modalities, depth=depth)

    @abstractmethod
    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams: ...

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(torch.cat([summaries[m] for m in self.modalities], dim=-1))


class Model(nn.Module, ABC):
    """One whole model: raw inputs per modality -> logits (B, C). width: D of its tokens."""

    width: int

    @abstractmethod
    def embed(self, inputs: Inputs) -> Streams:
        """Raw inputs -> one stream of tokens a modality, as the stems make them."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> Tensor: ...


class Architecture(nn.Module, ABC):
    """Which weights process which tokens.

    Made as `SomeArchitecture(make_branch, modalities, **options)`, where `make_branch(modalities)` builds one whole
    model (stems to logits) whose weights are allotted by `allot`.
    """

    modality_embedding: ClassVar[bool] = False
    """True where shared weights need to be told the modality of a token."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__()
        self.fused = make_branch(modalities)

    @classmethod
    @abstractmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        """The key of the weights that stream or modality `name` uses for `part` of `layer`; equal keys share."""

    def forward(self, inputs: Inputs) -> Tensor:
        """Raw inputs per modality -> logits (B, C)."""
        return self.fused(inputs)
