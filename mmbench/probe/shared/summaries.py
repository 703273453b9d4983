"""What a model makes of samples on the way from its inputs to its outputs: a vector a modality, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmbench.probe.shared.sample import BATCH, chosen

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mmbench.data.batches import Inputs, Split
    from mmbench.model.build import Branch
    from mmbench.model.interfaces import Stream, Streams


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Of n samples.

    single: place -> modality -> (n, D) float64. A place where streams are no modality's own is left out, as the layers
    of a latent array are, and the read-out of any one stream for all. joint: place -> (n, K), all vectors of the place
    side by side. there: modality -> (n,) bool, which samples have it. labels: (n, ...).
    """

    single: Mapping[str, Mapping[str, np.ndarray]]
    joint: Mapping[str, np.ndarray]
    there: Mapping[str, np.ndarray]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def branch_of(model: nn.Module) -> Branch | None:
    """The fused part of a model; None of a baseline, and of an architecture that is made of something else."""
    from mmbench.model.build import Branch

    found = getattr(model, "fused", None)
    return found if isinstance(found, Branch) else None


def vectors(branch: Branch, split: Split, most: int) -> Vectors:
    """On at most so many samples of a split, the same for every model. The branch is in evaluation."""
    import torch

    index = chosen(split, most).to(split.labels.device)
    parts, truths = [], []
    with torch.inference_mode(), _kept(branch) as layers:
        # Batch by batch: so many samples at once may be more than there is memory for.
        for rows in index.split(BATCH):
            batch, labels = split.rows(rows)
            parts.append(_of_batch(branch, batch, layers))
            truths.append(labels)
    single, joint, there = zip(*parts, strict=True)
    return Vectors(
        single={place: {m: _whole([p[place][m] for p in single]) for m in found} for place, found in single[0].items()},
        joint={place: _whole([p[place] for p in joint]) for place in joint[0]},
        there={m: _whole([p[m] for p in there]).astype(bool) for m in there[0]},
        labels=torch.cat(truths).cpu().numpy(),
    )


def together(first: Vectors, second: Vectors) -> Vectors:
    """Both, one after the other."""
    return Vectors(
        single={
            place: {m: np.concatenate([x, second.single[place][m]]) for m, x in found.items()}
            for place, found in first.single.items()
        },
        joint={place: np.concatenate([x, second.joint[place]]) for place, x in first.joint.items()},
        there={m: np.concatenate([x, second.there[m]]) for m, x in first.there.items()},
        labels=np.concatenate([first.labels, second.labels]),
    )


def _whole(parts: list[Tensor]) -> np.ndarray:
    import torch

    return np.asarray(torch.cat(parts).double().cpu().numpy())


@contextmanager
def _kept(branch: Branch) -> Iterator[list[dict[str, Stream]]]:
    """What each layer makes of each stream, always the last time that it was asked."""
    found: list[dict[str, Stream]] = [{} for _ in branch.layers]

    def hook(i: int) -> Any:
        def keep(module: nn.Module, given: tuple[Any, ...], made: Stream) -> None:
            found[i][given[0]] = made

        return keep

    handles = [layer.register_forward_hook(hook(i)) for i, layer in enumerate(branch.layers)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _of_batch(
    branch: Branch, inputs: Inputs, layers: list[dict[str, Stream]]
) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor], dict[str, Tensor]]:
    """`single`, `joint` and `there` of one batch."""
    import torch

    stems = branch.embed(inputs)
    read = {name: branch.read_outs[name](stream)[0] for name, stream in branch.encode(stems).items()}
    # Of two layers the first is the middle; one layer is both.
    streams: dict[str, Streams] = {"stem": stems, "middle": layers[(len(layers) - 1) // 2], "last": layers[-1]}
    means = {place: _means(found) for place, found in streams.items()}
    named = {place: [x for x, _ in found] for place, found in means.items()} | {"read-out": list(read)}
    tensors = {place: [x for _, x in found] for place, found in means.items()} | {"read-out": list(read.values())}
    single = {
        place: dict(zip(names, tensors[place], strict=True))
        for place, names in named.items()
        if sorted(names) == sorted(branch.modalities)
    }
    joint = {place: torch.cat(found, -1) for place, found in tensors.items()}
    return single, joint, {name: stream.mask.any(-1) for name, stream in stems.items()}


def _means(streams: Streams) -> list[tuple[str, Tensor]]:
    """Whose they are, and the mean of the real tokens (B, D), of every run of tokens; 0 where none is real."""
    from mmbench.model import masking

    found = []
    for name, stream in streams.items():
        lengths = [segment.length for segment in stream.segments]
        if sum(lengths) != stream.tokens.shape[1]:
            found.append((name, masking.mean(stream.tokens, stream.mask)))
            continue
        tokens, masks = stream.tokens.split(lengths, 1), stream.mask.split(lengths, 1)
        owners = [segment.modality for segment in stream.segments]
        found += [(owner, masking.mean(x, mask)) for owner, x, mask in zip(owners, tokens, masks, strict=True)]
    return found
