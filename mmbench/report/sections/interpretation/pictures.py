"""Heat over the tokens of a few samples: patches of an image, words, frames, as small SVG pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from mmbench.report.sections.interpretation.record import Interpretation
from mmbench.report.values import titles
from mmbench.schema.dataset import Modality
from mmbench.schema.relevance import METHODS, TITLES
from mmbench.schema.relevance_map import ModalityMap

SHADES = 9
PIXELS = 14
"""Of a token, at most."""
WIDEST = 170
"""Pixels of a picture."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One sample and method of relevance. parts: modality, and its picture."""

    sample: str
    method: str
    parts: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, kw_only=True)
class Shown:
    title: str
    why: str
    modalities: tuple[str, ...]
    rows: tuple[Row, ...]


def pictures(part: Interpretation) -> Iterator[Shown]:
    """Of each combination that is shown: a row a sample and method."""
    for picture in part.pictures:
        rows = []
        for sample in picture.samples:
            right = {True: ", answered rightly", False: ", answered wrongly", None: ""}[sample.right]
            for method in METHODS[:-1]:
                if method in sample.modalities[0].relevance:
                    drawn = tuple(
                        (name, heat(tokens, method, columns(modality, len(tokens.there)), name))
                        for (name, modality), tokens in zip(part.modalities.items(), sample.modalities, strict=True)
                    )
                    rows.append(Row(sample=f"sample {sample.index}{right}", method=TITLES[method], parts=drawn))
        title = titles.titled(picture.method)
        yield Shown(title=title, why=picture.why, modalities=tuple(part.modalities), rows=tuple(rows))


def columns(modality: Modality, tokens: int) -> int:
    """How many tokens lie side by side: those of a row of patches; else up to 32."""
    patch = modality.options.get("patch")
    if modality.kind in ("image", "video") and patch:
        across = max(1, modality.shape[-1] // int(patch))
        if tokens % across == 0 and across > 1:
            return across
    return min(tokens, 32)


def heat(tokens: ModalityMap, method: str, across: int, name: str) -> Markup:
    """A cell a token, darker the larger its relevance beside the modality's largest; a frame around evidence. What is
    not there has no cell. Cells of a shade are one path, which keeps pages small."""
    values = [abs(x) for x in tokens.relevance[method]]
    largest = max((x for x, there in zip(values, tokens.there, strict=True) if there), default=0.0) or 1.0
    paths: dict[int, str] = {}
    framed = ""
    for i, there in enumerate(tokens.there):
        if there:
            y, x = divmod(i, across)
            shade = min(SHADES - 1, int(SHADES * values[i] / largest))
            paths[shade] = paths.get(shade, "") + f"M{x} {y}h1v1h-1z"
            if tokens.evidence is not None and tokens.evidence[i]:
                framed += f"M{x + 0.1:g} {y + 0.1:g}h.8v.8h-.8z"
    height = math.ceil(len(tokens.there) / across)
    side = min(PIXELS, WIDEST / across)
    cells = "".join(f'<path style="fill:var(--q{shade})" d="{d}"/>' for shade, d in sorted(paths.items()))
    frame = f'<path style="fill:none;stroke:var(--c2);stroke-width:.2" d="{framed}"/>' if framed else ""
    top = max(range(len(values)), key=values.__getitem__) + 1 if values else 0
    label = Markup("{}: token {} of {} is the most relevant").format(name, top, len(values))
    return Markup(
        f'<svg role="img" aria-label="{label}" width="{side * across:.0f}" height="{side * height:.0f}" '
        f'viewBox="0 0 {across} {height}">{cells}{frame}</svg>'
    )
