"""Why a saved model answers as it does: the relevance of each token of rows that a person hands over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mmbench.champion.inputs import NoRoot
from mmbench.champion.predictor import Predictor
from mmbench.champion.tokens import token_names
from mmbench.data.batches import as_split
from mmbench.data.files.source import Root
from mmbench.data.table.rows import Rows
from mmbench.errors import UserError
from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, embedded
from mmbench.schema.relevance import METHODS

STEPS = 64
"""Of integrated gradients: a person's own rows are few."""


@dataclass(frozen=True, kw_only=True)
class ExplainedModality:
    """One modality of a row. values: as prepared data hold them. names, there: of its tokens. relevance: by method, of
    each token, 0 where one is not there."""

    values: np.ndarray
    names: tuple[str, ...]
    there: tuple[bool, ...]
    relevance: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class ExplainedRow:
    """number: of the row in its table. answer: what the model says, in words. error: why it says nothing."""

    number: int
    answer: str
    error: str | None
    modalities: Mapping[str, ExplainedModality]


def explain(predictor: Predictor, rows: Rows, root: Root | None = None) -> list[ExplainedRow]:
    """Every row, in order. root: as of `Predictor.predict`.

    Integrated gradients start, at each token, from the mean embedded token of the row's own modality: there may be no
    other rows. Raises UserError where a column is missing, and where the model is not made of tokens.
    """
    predictor.inputs.check(rows)
    made = predictor.predict(rows, root)
    bad = made["error"].notna().to_numpy()
    good = np.flatnonzero(~bad)
    found: dict[int, dict[str, ExplainedModality]] = {}
    if len(good):
        batch = predictor.inputs.batch(rows, root or NoRoot())
        arrays = {name: x[good] for name, x in batch.arrays.items()}
        found = dict(zip(good.tolist(), _modalities(predictor, arrays, len(good)), strict=True))
    return [
        ExplainedRow(
            number=rows.numbers[i],
            answer="" if bad[i] else _answer(made.iloc[i]),
            error=str(made["error"].iloc[i]) if bad[i] else None,
            modalities=found.get(i, {}),
        )
        for i in range(len(rows))
    ]


def _answer(row: pd.Series) -> str:
    """`high (0.93)`, `size 3.2`."""
    said = {str(k): v for k, v in row.items() if str(k).startswith("prediction")}
    words = []
    for name, value in said.items():
        of = name.removeprefix("prediction").removeprefix(".")
        sure = row.get(f"probability.{value}")
        text = f"{value:.4g}" if isinstance(value, float) else str(value) or "none"
        words.append(f"{of} {text}".strip() + ("" if sure is None else f" ({sure:.2f})"))
    return ", ".join(words)


def _modalities(predictor: Predictor, arrays: Mapping[str, np.ndarray], n: int) -> list[dict[str, ExplainedModality]]:
    spec = predictor.spec
    split = as_split(spec, {**arrays, "label": np.zeros(n, np.int64)}, predictor.device)
    x = embedded(predictor.model, split.rows(slice(None))[0])
    if x is None:
        raise UserError(
            f"{predictor.bundle.result.config.cell} cannot be explained: its answers do not come of tokens alone"
        )
    relevance = _relevance(x, Answer(task=spec.task, outputs=x.outputs))
    made: list[dict[str, ExplainedModality]] = []
    for i in range(n):
        own = {}
        for name, mask in x.mask.items():
            values, there = arrays[name][i], mask[i].tolist()
            decoder, columns = predictor.inputs.decoders.get(name), predictor.inputs.columns_of(name)
            names = token_names(spec.modalities[name], len(there), values, decoder, columns)
            own[name] = ExplainedModality(
                values=values,
                names=tuple(names),
                there=tuple(there),
                relevance={method: tuple(r[name][i].tolist()) for method, r in relevance.items()},
            )
        made.append(own)
    return made


def _relevance(x: Embedded, answer: Answer) -> dict[str, by.Relevance]:
    weights = by.attention(x)
    found: dict[str, by.Relevance] = {} if weights is None else {METHODS[0]: weights}
    return found | {
        "gradient_x_input": by.gradient_x_input(x, answer),
        "integrated_gradients": by.integrated_gradients(x, answer, _own_means(x), steps=STEPS),
        "occlusion": by.occlusion(x, answer),
    }


def _own_means(x: Embedded) -> dict[tuple[int, str], Tensor]:
    """(n, 1, D) by place: the mean over a row's own tokens."""
    made = {}
    for place, t in x.tokens.items():
        real = x.mask[place[1]][..., None].to(t.dtype)
        made[place] = (t * real).sum(1, keepdim=True) / torch.clamp(real.sum(1, keepdim=True), min=1)
    return made


def numbers(rows: list[ExplainedRow]) -> pd.DataFrame:
    """A row a token that is there: row, answer, modality, token (from 1), name, and its relevance by each method; a row
    with an error has that alone."""
    made = []
    for row in rows:
        if row.error is not None:
            made.append({"row": row.number, "error": row.error})
        for name, m in row.modalities.items():
            for i in np.flatnonzero(m.there).tolist():
                token = {"row": row.number, "answer": row.answer, "modality": name, "token": i + 1, "name": m.names[i]}
                made.append(
                    token | {method: m.relevance[method][i] for method in METHODS[:-1] if method in m.relevance}
                )
    columns = ["row", "answer", "modality", "token", "name", *METHODS[:-1], "error"]
    return pd.DataFrame(made, columns=columns)
