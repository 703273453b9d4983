"""Texts as features of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmbench.data.decode.text import read_text
from mmbench.data.encode.encoded import Encoded, Prepared
from mmbench.data.encode.model import Model
from mmbench.data.encode.token_pooling import Field
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell

if TYPE_CHECKING:
    from torch import Tensor


class EncodedText(Encoded):
    """Texts: what lies beyond the encoder's longest input is cut."""

    kind, held = "text", 256

    def prepare(self, cell: Cell) -> Prepared:
        text = read_text(cell)
        inputs = self.model.prepare(text, truncation=True, max_length=_longest(self.model), return_tensors="pt")
        if not inputs["input_ids"].shape[1]:
            raise CellError("has no word that the encoder knows; leave the cell empty where a sample has no text")
        return Prepared(runs=[dict(inputs)])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        return Field(grid=hidden[0], time=0)

    def measure(self, cell: Cell) -> int:
        return int(self.prepare(cell).runs[0]["input_ids"].shape[1])

    def length(self, cells: Sequence[Cell], first: np.ndarray) -> int:
        return min(self.tokens, max(self.measures(cells, len(cells))))


def _longest(model: Model) -> int:
    """Tokens of a text. RoBERTa's positions begin at 2, so two of them are no tokens; a tokenizer may not know."""
    said, positions = model.prepare.model_max_length, getattr(model.config, "max_position_embeddings", None) or 512
    return int(said if said <= positions else max(1, positions - 2))
