"""Cells of any kind become features of a frozen pretrained encoder: the optional extra `pretrained`."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import numpy as np
import pydantic

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.encode.cache import Cache, digest
from mmbench.data.encode.files import Files, find
from mmbench.data.encode.model import Kind, Model, load, version
from mmbench.data.encode.token_pooling import Field
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

TOKENS, CHUNKS = 32, 8
"""Most tokens that a sample becomes by default, and tokens that one pooled vector is cut into."""

FORMAT = 1
"""Counts up when the same encoder gives other features here, so that cached ones are not mixed with them."""

Tokens = Annotated[int, pydantic.Field(ge=1, le=4096)]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the encoder takes of one cell: runs, each of them a batch of one. real: the share that is not padding."""

    runs: list[dict[str, Tensor]]
    real: float = 1.0


class Encoded(Decoder):
    """(T, F) float16 and a mask (T,), or (F,) with `pool`.

    encoder: a name on the Hugging Face hub, or a folder that transformers saved. revision: its commit. pool: one
    vector, the encoder's own summary where that is pretrained, else the mean of its tokens. tokens: T at most; more of
    them are averaged over neighbours in time and space.

    Cells are read as without an encoder. Each is encoded at its own length, never padded to others', and cached by
    content (`mmbench.data.encode.cache`): a second time only what is new is encoded.
    """

    fitted = ("steps", "features")
    parallel = False
    batch = 256
    kind: ClassVar[Kind]
    held: ClassVar[int]
    """Cells whose input is in memory at once."""

    def __init__(
        self, *, encoder: str, revision: str | None = None, pool: bool = False, tokens: Tokens = TOKENS
    ) -> None:
        self.encoder, self.revision, self.pool, self.tokens = encoder, revision, pool, tokens
        self.steps = self.features = 0

    @cached_property
    def files(self) -> Files:
        return find(self.encoder, self.revision)

    @property
    def model(self) -> Model:
        return load(self.files, self.kind)

    @abstractmethod
    def prepare(self, cell: Cell) -> Prepared:
        """Raises CellError."""

    @abstractmethod
    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        """The tokens of a cell as they lie, from the hidden states and the summary of each of its runs."""

    def identity_fields(self) -> dict[str, Any]:
        """What features depend on besides encoder and content."""
        return {"pool": self.pool, "tokens": None if self.pool else self.tokens}

    def fit(self, cells: Sequence[Cell]) -> Layout:
        first = self._first(cells)
        self.features = first.shape[-1]
        # Not the path of a folder: the note is for reports.
        source = f"{self.files.label} @ {self.files.identity[:12]}"
        if self.pool:
            chunk = -(-self.features // CHUNKS)
            self.steps = -(-self.features // chunk)
            note = f"one vector of {self.features} features"
        else:
            self.steps = self.length(cells, first)
            note = f"up to {self.steps} tokens of {self.features} features"
        return Layout(
            shape=(self.features,) if self.pool else (self.steps, self.features),
            dtype="float16",
            steps=self.steps,
            whole=self.pool,
            stem="feature",
            options={"tokens": CHUNKS} if self.pool else {},
            normal_axis=0 if self.pool else 1,
            note=f"{note} from {source}, frozen",
        )

    def state(self) -> dict[str, Any]:
        return super().state() | {"identity": self.files.identity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises UserError where the encoder's files are others than those that were fitted, or cannot be had."""
        super().restore(state)
        if self.files.identity != state["identity"]:
            was, now = state["identity"][:12], self.files.identity[:12]
            raise UserError(
                f"encoder {self.encoder!r} is {now} here, and was {was} when data was prepared; give those files back, "
                "or prepare and train again"
            )

    def length(self, cells: Sequence[Cell], first: np.ndarray) -> int:
        """T, from training cells, the first of which gave these features."""
        return len(first)

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        (found,) = self.decode_many([cell])
        if isinstance(found, CellError):
            raise found
        return found

    def decode_many(self, cells: Sequence[Cell]) -> list[tuple[np.ndarray, np.ndarray | None] | CellError]:
        found: list[tuple[np.ndarray, np.ndarray | None] | CellError] = []
        for i in range(0, len(cells), self.held):
            found += [
                v if isinstance(v, CellError) else self._lay_out(v) for v in self._encode(cells[i : i + self.held])
            ]
        return found

    @cached_property
    def _cache(self) -> Cache:
        about = {"identity": self.files.identity, "kind": self.kind, "format": FORMAT, **self.identity_fields()}
        # The same encoder may be given other pixels by another version.
        return Cache(about | {"transformers": version()}, name=self.files.label)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_cache"}

    def _first(self, cells: Sequence[Cell]) -> np.ndarray:
        """The features of the first cell that can be encoded."""
        why = CellError("no training sample has it")
        for cell in cells:
            (found,) = self._encode([cell])
            if not isinstance(found, CellError):
                return found
            why = found
        raise why

    def _encode(self, cells: Sequence[Cell]) -> list[np.ndarray | CellError]:
        """(n, F) or (F,) of each, from the cache or the encoder."""
        keys = self._each(digest, cells)
        known: dict[str, np.ndarray | CellError] = {}
        new: dict[str, Cell] = {}
        for key, cell in zip(keys, cells, strict=True):
            if isinstance(key, CellError) or key in known or key in new:
                continue
            if (cached := self._cache.get(key)) is None:
                new[key] = cell
            else:
                known[key] = cached
        prepared = self._each(self.prepare, new.values())
        # Where all is known, the encoder is not loaded.
        runs = [run for one in prepared if isinstance(one, Prepared) for run in one.runs]
        ran = self.model.run(runs) if runs else iter(())
        for key, one in zip(new, prepared, strict=True):
            known[key] = one if isinstance(one, CellError) else self._features(one, islice(ran, len(one.runs)))
        for key in new:
            if isinstance(values := known[key], np.ndarray):
                self._cache.put(key, values)
        return [key if isinstance(key, CellError) else known[key] for key in keys]

    def _features(self, prepared: Prepared, ran: Iterable[tuple[Tensor, Tensor | None]]) -> np.ndarray | CellError:
        hidden, pooled = zip(*ran, strict=True)
        field = self.field(hidden, pooled, prepared)
        if not self.pool:
            values = field.tokens(self.tokens)
        else:
            values = pooled[0] if len(pooled) == 1 and pooled[0] is not None else field.mean()
        half = values.half()
        if not half.isfinite().all():
            return CellError(f"gives features that float16 cannot hold (up to {values.abs().max():g})")
        return np.ascontiguousarray(half.numpy())

    def _lay_out(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """As the layout says: longer than all training cells is averaged, shorter filled up and masked."""
        if self.pool:
            return values, None
        if len(values) > self.steps:
            import torch

            values = Field(grid=torch.from_numpy(values).float()).tokens(self.steps).half().numpy()
        if len(values) == self.steps:
            return values, None
        padded = np.zeros((self.steps, self.features), np.float16)
        padded[: len(values)] = values
        return padded, np.arange(self.steps) < len(values)

    def _each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R | CellError]:
        """In threads, since reading files and decoding them lets go of Python's lock."""

        def one(item: T) -> R | CellError:
            try:
                return work(item)
            except CellError as error:
                return error

        items = list(items)
        if self.kind == "text" or len(items) < 2:
            return [one(item) for item in items]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return list(pool.map(one, items))
