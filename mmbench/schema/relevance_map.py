"""How relevant tokens of a few samples are, kept as one list of numbers: what pictures of it are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from mmbench.schema.relevance import METHODS


@dataclass(frozen=True, kw_only=True)
class ModalityMap:
    """The tokens of one modality of a sample, in order.

    there: False for padding and what is missing. evidence: which of them carry the label; None where nobody knows.
    relevance: by method, from -1 to 1, divided by the sample's largest of the method; 0 where a token is not there.
    """

    there: tuple[bool, ...]
    evidence: tuple[bool, ...] | None
    relevance: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class SampleMap:
    """index: of the sample in the test split. right: whether the model's answer is; None of numbers.
    modalities: in the trial's order."""

    index: int
    right: bool | None
    modalities: tuple[ModalityMap, ...]


def encode(samples: Sequence[SampleMap]) -> list[float]:
    """K, then K places in METHODS; M, then M numbers of tokens; then every sample: its index, whether its answer is
    right (1, 0; -1 where that cannot be said), and every modality: whether evidence is known, then every token: 0
    where it is not there, else 1, or 2 for evidence, followed by its relevance by the K methods, to two decimals."""
    first = samples[0].modalities
    methods = [name for name in METHODS if name in first[0].relevance]
    made: list[float] = [len(methods), *map(METHODS.index, methods), len(first), *(len(m.there) for m in first)]
    for sample in samples:
        made += [sample.index, -1 if sample.right is None else sample.right]
        for m in sample.modalities:
            made.append(m.evidence is not None)
            for i, there in enumerate(m.there):
                if not there:
                    made.append(0)
                    continue
                made.append(2 if m.evidence is not None and m.evidence[i] else 1)
                made += [round(m.relevance[name][i], 2) for name in methods]
    return [float(x) for x in made]


def decode(numbers: Sequence[float]) -> tuple[SampleMap, ...]:
    """The reverse of `encode`. Raises ValueError where that is not what the numbers are."""
    stream = iter(numbers)
    try:
        methods = [METHODS[int(next(stream))] for _ in range(int(next(stream)))]
        lengths = [int(next(stream)) for _ in range(int(next(stream)))]
        found = []
        while (index := next(stream, None)) is not None:
            right = next(stream)
            parts = tuple(_modality(stream, methods, length) for length in lengths)
            found.append(SampleMap(index=int(index), right=None if right < 0 else right > 0, modalities=parts))
    except (StopIteration, RuntimeError, IndexError) as error:
        raise ValueError("these numbers are no maps of relevance") from error
    return tuple(found)


def _modality(stream: Iterator[float], methods: Sequence[str], length: int) -> ModalityMap:
    known = next(stream) > 0
    states: list[int] = []
    values: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(length):
        states.append(int(next(stream)))
        own = list(islice(stream, len(methods))) if states[-1] else [0.0] * len(methods)
        if len(own) < len(methods):
            raise IndexError
        for name, x in zip(methods, own, strict=True):
            values[name].append(x)
    return ModalityMap(
        there=tuple(s > 0 for s in states),
        evidence=tuple(s == 2 for s in states) if known else None,
        relevance={name: tuple(x) for name, x in values.items()},
    )
