"""Pictures that are one picture, encoded, scaled or lit differently.

The perceptual hash is kept as numbers, not bits: the low frequencies of a small version's cosine transform (as in the
hash of Zauner 2010). The transform keeps distances, so a k-d tree on them finds every pair that could be as near as
wanted, in n log n; those pairs are then compared pixel by pixel. A hash alone calls many simple drawings the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

SIDE = 32
BLUR = 0.7
"""Pixels (standard deviation) of smoothing, which takes away what scaling alone changes."""

NEAR = 0.10
"""Distance of two small versions, each with mean 0 and norm 1: 0.1 is a correlation of 0.995. Measured: photographs at
half size or quality 15 lie within 0.06 (95 %), the nearest of 3,000 different MNIST digits 0.12 apart."""

SPOT = 0.12
"""The largest difference of one pixel, as a share of a picture's range: one small object more is another picture.
Measured on the same: 0.06 and 0.18."""

FLAT = 2.0
"""Standard deviation over the picture, of 255 levels, up to which it shows nothing:
blank, black, the noise of a dark frame."""

LIKELY = 8
"""Neighbours of a picture that are compared."""

PIXELS = 100_000_000
"""Larger pictures are left to decoding, which says what is wrong with them."""


def small(cells: Sequence[Cell]) -> tuple[np.ndarray, np.ndarray]:
    """(n, SIDE, SIDE, 3) uint8 in a temporary file, and which of them (n,) can be read and are not flat."""
    with tempfile.TemporaryFile() as file:
        thumbs = np.memmap(file, np.uint8, "w+", shape=(max(1, len(cells)), SIDE, SIDE, 3))[: len(cells)]
    good = np.zeros(len(cells), bool)

    def one(i: int) -> None:
        thumb = _small(cells[i])
        if thumb is not None:
            thumbs[i], good[i] = thumb, thumb.std((0, 1)).max() > FLAT

    with ThreadPoolExecutor() as pool:  # Pillow decodes without Python's lock.
        for _ in pool.map(one, range(len(cells)), chunksize=64):
            pass
    return thumbs, good


def _small(cell: Cell) -> np.ndarray | None:
    from PIL import Image

    try:
        if isinstance(cell, Source):
            with cell.open() as stream, Image.open(stream) as image:
                if image.width * image.height > PIXELS:
                    return None
                image.draft("RGB", (4 * SIDE, 4 * SIDE))
                return _shrink(image)
        values = np.asarray(cell)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return None
        if values.dtype != np.uint8:
            low, high = float(values.min()), float(values.max())
            values = ((values - low) * (255 / ((high - low) or 1))).astype(np.uint8)
        if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3, 4):
            values = np.moveaxis(values, 0, 2)
        return _shrink(Image.fromarray(values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values))
    except Exception:  # Decoding tells of every cell that cannot be read, and why.
        return None


def _shrink(image: object) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8; what is transparent is white."""
    from PIL import Image

    assert isinstance(image, Image.Image)
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image, np.float64)
        if not np.isfinite(wide).all():
            raise ValueError("has NaN or Inf among its pixels")
        image = Image.fromarray((wide * (255 / max(1.0, float(wide.max())))).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def pairs(thumbs: np.ndarray, queries: np.ndarray, against: np.ndarray) -> list[tuple[int, int]]:
    """(query, the nearest of `against` that is confirmed), as indices into `thumbs`, for every query that has one."""
    found: dict[int, int] = {}
    for query, other in _confirmed(thumbs, queries, against, LIKELY):
        found.setdefault(query, other)
    return list(found.items())


def alike(thumbs: np.ndarray, which: np.ndarray) -> list[tuple[int, int]]:
    """Every confirmed pair among some pictures, as indices into `thumbs`."""
    return [(a, b) for a, b in _confirmed(thumbs, which, which, LIKELY + 1) if a != b]


def _confirmed(thumbs: np.ndarray, queries: np.ndarray, against: np.ndarray, likely: int) -> Iterator[tuple[int, int]]:
    """(query, other) for each that is confirmed of the likely ones, the nearest first."""
    from scipy.spatial import KDTree

    if not len(queries) or not len(against):
        return
    tree = KDTree(_hash(thumbs, against))
    likely = min(likely, len(against))
    distance, found = tree.query(_hash(thumbs, queries), k=likely, distance_upper_bound=NEAR)
    distance, found = distance.reshape(-1, likely), found.reshape(-1, likely)
    for q in np.flatnonzero(np.isfinite(distance[:, 0])):
        others = against[found[q][np.isfinite(distance[q])]]
        a, b = _unit(thumbs[queries[q]][None]), _unit(thumbs[others])
        same = (np.linalg.norm((a - b).reshape(len(b), -1), axis=1) <= NEAR) & (
            np.abs(a - b).max((1, 2, 3)) <= SPOT * np.ptp(a)
        )
        yield from ((int(queries[q]), int(other)) for other in others[same])


def _unit(thumbs: np.ndarray) -> np.ndarray:
    """Smoothed, mean 0, norm 1: as bright and as rich in contrast as any other."""
    from scipy.ndimage import gaussian_filter

    x = gaussian_filter(thumbs.astype(np.float32), (0, BLUR, BLUR, 0))
    x -= x.mean((1, 2, 3), keepdims=True)
    return x / np.linalg.norm(x.reshape(len(x), -1), axis=1)[:, None, None, None]


def _hash(thumbs: np.ndarray, which: np.ndarray) -> np.ndarray:
    """(n, 24): 16 low frequencies of brightness, 4 of each of two contrasts of colour."""
    from scipy.fft import dctn

    parts = []
    for start in range(0, len(which), 1024):
        # Over the channels the transform's first component is brightness.
        wave = dctn(_unit(thumbs[which[start : start + 1024]]), axes=(1, 2, 3), norm="ortho")
        n = len(wave)
        parts.append(np.concatenate([wave[:, :4, :4, 0].reshape(n, -1), wave[:, :2, :2, 1:].reshape(n, -1)], axis=1))
    return np.concatenate(parts)
