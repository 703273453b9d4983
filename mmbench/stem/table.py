"""The numbers and categories of a table's row become tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("table", source="Gorishniy et al. 2021, Revisiting Deep Learning Models for Tabular Data (feature tokenizer)")
class Table(Stem):
    """A token for each column of a row: token_c = b_c + sum_i x_i W_i over the units i of column c.

    `shape` is (F,): the units of all columns side by side, `widths` of them a column. A number has a unit of its own,
    a category one of several, so that its row of W is an embedding. Shapes: (B, F) -> (B, C, D); a mask is (B, C).
    """

    tiny = ((7,), {"widths": [1] * 7})

    def __init__(self, width: int, shape: tuple[int, ...], *, widths: list[int]) -> None:
        super().__init__()
        (units,) = shape
        assert sum(widths) == units, f"{sum(widths)} units in {len(widths)} columns, {units} in a row"
        # A row has one unit that is not zero in most columns, whatever their width.
        self.weight = nn.Parameter(nn.init.uniform_(torch.empty(units, width), -1, 1))
        self.bias = nn.Parameter(nn.init.uniform_(torch.empty(len(widths), width), -1, 1))
        owner = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
        self.register_buffer("owner", owner, persistent=False)
        self.owner: Tensor

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        mask = example.mask
        if mask is None:
            mask = torch.ones(len(example.values), len(self.bias), dtype=torch.bool, device=example.values.device)
            x = example.values
        else:
            x = Example(values=example.values, mask=mask[:, self.owner]).filled()
        units_BFD = x[:, :, None] * self.weight
        none_BCD = torch.zeros_like(self.bias).expand(len(x), -1, -1)
        return none_BCD.index_add(1, self.owner, units_BFD) + self.bias, mask
