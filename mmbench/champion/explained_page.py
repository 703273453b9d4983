"""Explained rows as one page of HTML that needs nothing else: heat over words, patches and other tokens."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from PIL import Image

from mmbench.champion.explainer import ExplainedModality, ExplainedRow
from mmbench.champion.tokens import grid
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.relevance import TITLES

FOR, AGAINST = "10,112,194", "163,59,0"
"""Red, green and blue of what speaks for the answer, and of what speaks against it."""
SIDE = 168
"""Pixels of a picture."""

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:24px auto;max-width:1120px;padding:0 16px;color:#15181d;background:#fff}
table{border-collapse:collapse;margin:8px 0 24px}td,th{padding:6px 10px;text-align:left;vertical-align:top}
th{font-weight:600}tr{border-top:1px solid #e1e4e8}small,.note{color:#5b626b}
.t{display:inline-block;margin:1px;padding:0 4px;border-radius:3px;border:1px solid #e1e4e8;color:#15181d}
.error{color:#a33b00}.scroll{overflow-x:auto}svg{display:block}
"""

PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><style>{style}</style></head><body><h1>{title}</h1>"
    '<p class="note">How relevant each token is to the model\'s own answer. <span class="t" style="{plus}">Blue</span> '
    'speaks for it, <span class="t" style="{minus}">brown</span> against it; attention weights have no sign. Colours '
    "are relative to the largest of a modality; below each is its share of all relevance. Methods may disagree: "
    "none of them is the truth about a model.</p>{body}</body></html>\n"
)


ROW = Markup(
    '<h2>Row {number}: {answer}</h2><div class="scroll"><table><thead><tr><th scope="col">by</th>{head}</tr></thead>'
    "<tbody>{lines}</tbody></table></div>"
)
PATCH = Markup('<rect x="{}" y="{}" width="1" height="1" fill="rgba({},{:.2f})"><title>{}: {:.2f}</title></rect>')


def page(rows: Sequence[ExplainedRow], spec: DataSpec, title: str) -> str:
    """The whole file."""
    body = Markup("\n").join(_row(row, spec) for row in rows)
    style = Markup(STYLE)
    return str(PAGE.format(title=title, style=style, body=body, plus=_colour(1), minus=_colour(-1)))


def _row(row: ExplainedRow, spec: DataSpec) -> Markup:
    if row.error is not None:
        return Markup('<h2>Row {}</h2><p class="error">{}</p>').format(row.number, row.error)
    names = list(row.modalities)
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in names)
    methods = list(next(iter(row.modalities.values())).relevance)
    lines = []
    for method in methods:
        total = sum(sum(map(abs, m.relevance[method])) for m in row.modalities.values()) or 1.0
        cells = Markup("").join(
            Markup("<td>{}<small>{:.0f} %</small></td>").format(
                _heat(m, method, spec.modalities[name], name), 100 * sum(map(abs, m.relevance[method])) / total
            )
            for name, m in row.modalities.items()
        )
        lines.append(Markup('<tr><th scope="row">{}</th>{}</tr>').format(TITLES[method], cells))
    return ROW.format(number=row.number, answer=row.answer, head=head, lines=Markup("").join(lines))


def _colour(share: float) -> str:
    """share: from -1 to 1."""
    return f"background:rgba({FOR if share >= 0 else AGAINST},{0.75 * abs(share):.2f})"


def _heat(m: ExplainedModality, method: str, modality: Modality, name: str) -> Markup:
    values = m.relevance[method]
    if not any(m.there):
        return Markup("<em>missing</em> ")
    largest = max(abs(x) for x in values) or 1.0
    shares = [x / largest for x in values]
    across = grid(modality, len(values))
    if across is not None:
        return _picture(m, shares, across, name)
    return Markup("").join(
        Markup('<span class="t" style="{}" title="{:.3g}">{}</span>').format(_colour(share), x, token)
        for share, x, token, there in zip(shares, values, m.names, m.there, strict=True)
        if there
    ) + Markup("<br>")


def _picture(m: ExplainedModality, shares: Sequence[float], across: int, name: str) -> Markup:
    """The image with its patches in colour over it."""
    down = len(shares) // across
    cells = Markup("").join(
        Markup(
            '<rect x="{}" y="{}" width="1" height="1" fill="rgba({},{:.2f})"><title>{}: {:.2f}</title></rect>'
        ).format(i % across, i // across, FOR if share >= 0 else AGAINST, 0.75 * abs(share), m.names[i], share)
        for i, share in enumerate(shares)
        if m.there[i]
    )
    return Markup(
        '<svg role="img" aria-label="{}" width="{}" height="{:.0f}" viewBox="0 0 {} {}">'
        '<image href="data:image/png;base64,{}" width="{}" height="{}" preserveAspectRatio="none"/>{}</svg>'
    ).format(name, SIDE, SIDE * down / across, across, down, _png(m.values), across, down, cells)


def _png(values: np.ndarray) -> str:
    """(channels, height, breadth), of any range, as a grey or coloured picture."""
    x = values.astype(np.float64)
    low, high = float(x.min()), float(x.max())
    scaled = np.round((x - low) / (high - low or 1.0) * 255).astype(np.uint8)
    shown = np.moveaxis(scaled[:3], 0, -1) if len(scaled) >= 3 else scaled[0]
    into = io.BytesIO()
    Image.fromarray(shown).save(into, format="PNG")
    return base64.b64encode(into.getvalue()).decode()
