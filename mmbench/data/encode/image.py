"""Images as features of a pretrained encoder."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmbench.data.decode import deep
from mmbench.data.decode.base import Layout
from mmbench.data.decode.image import ImageDecoder
from mmbench.data.encode.encoded import TOKENS, Encoded, Prepared, Tokens
from mmbench.data.encode.patches import picture, pixels
from mmbench.data.encode.token_pooling import Field
from mmbench.data.table.table import Cell

if TYPE_CHECKING:
    from torch import Tensor


class EncodedImage(Encoded):
    """Images, at their full size, made as large as the encoder wants them by its own preprocessing."""

    kind, held = "image", 64

    def __init__(
        self, *, encoder: str, revision: str | None = None, pool: bool = False, tokens: Tokens = TOKENS
    ) -> None:
        super().__init__(encoder=encoder, revision=revision, pool=pool, tokens=tokens)
        self.reader = ImageDecoder(channels=3)

    def fit(self, cells: Sequence[Cell]) -> Layout:
        # How numbers in place of a file are scaled is seen over all training images.
        self.reader.fit(cells)
        return super().fit(cells)

    def state(self) -> dict[str, Any]:
        return super().state() | {"unit": self.reader.unit} | deep.to_state(self.reader.scales)

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.reader.unit = state["unit"]
        self.reader.scales = deep.from_state(state)

    def identity_fields(self) -> dict[str, Any]:
        return super().identity_fields() | {"unit": self.reader.unit} | deep.to_state(self.reader.scales)

    def prepare(self, cell: Cell) -> Prepared:
        reader = copy.copy(self.reader)
        look = reader.measure(cell)
        reader.height, reader.width = look.height, look.width
        whole, _ = reader.decode(cell)
        return Prepared(runs=[pixels(self.model, [whole])])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        return picture(hidden[0], prepared.runs[0]["pixel_values"], self.model.config)
