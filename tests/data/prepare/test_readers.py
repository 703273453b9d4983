"""What `prepare` keeps of its decoders: given back through JSON, they decode cells that they never saw alike."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.prepare.readers import FILE, Reader, load, reader, to_json
from mmbench.data.table.table import Cell, Column, Kind
from mmbench.errors import UserError
from tests.support import tiny_encoders
from tests.support.films import film, shades, tone

DRAW = np.random.default_rng(0)


def picture(width: int, height: int) -> BytesSource:
    stream = io.BytesIO()
    Image.fromarray(DRAW.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(stream, "png")
    return BytesSource("x.png", stream.getvalue())


def sound(seconds: float, rate: int) -> BytesSource:
    stream = io.BytesIO()
    soundfile.write(stream, tone(440, seconds, rate)[0], rate, format="WAV")
    return BytesSource("x.wav", stream.getvalue())


def movie(count: int, height: int) -> BytesSource:
    return film("x.avi", shades(count, height), codec="mjpeg", format="avi")


TEXTS = ["The cat sat on the mat.", "a dog, a dog", "ein Hund läuft 我们", "naïve café"]
CASES: dict[str, tuple[Kind, dict[str, Any], Sequence[Cell], Cell]] = {
    "image": ("image", {}, [picture(40, 30), picture(44, 36)], picture(90, 20)),
    "arrays": ("image", {"side": 16}, [DRAW.random((20, 20)), DRAW.random((24, 20))], DRAW.random((9, 9))),
    "audio": ("audio", {"mels": 20}, [sound(0.4, 8000), sound(0.7, 8000)], sound(1.5, 11025)),
    "video": ("video", {}, [movie(9, 32), movie(11, 32)], movie(20, 48)),
    "words": ("text", {"tokens": "word"}, TEXTS[:3], TEXTS[3] + " cat"),
    "parts": ("text", {"tokens": "bpe", "lower": False}, TEXTS[:3], TEXTS[3]),
    "vector": ("vector", {}, [DRAW.random(12), DRAW.random(12)], DRAW.random(12)),
    "sequence": ("sequence", {}, [DRAW.random((5, 3)), DRAW.random((9, 3))], DRAW.random((30, 3))),
}


def through_json(folder: Path, kept: Reader) -> Reader:
    (folder / FILE).write_text(to_json({"it": kept}), encoding="utf-8")
    return load(folder)["it"]


@pytest.mark.parametrize("case", CASES)
def test_a_decoder_that_was_given_back_decodes_alike(case: str, tmp_path: Path) -> None:
    kind, options, cells, new = CASES[case]
    fitted = decoder(kind, options)
    layout = fitted.fit(cells)
    kept = reader(Column(kind=kind, cells=cells, options=options, named=("of it",)), fitted, layout)
    again = through_json(tmp_path, kept)
    assert again == kept
    for cell in (*cells, new):
        values, mask = fitted.decode(cell)
        restored, its_mask = again.decoder("it").decode(cell)
        assert restored.dtype == values.dtype
        np.testing.assert_array_equal(restored, values)
        np.testing.assert_array_equal(its_mask, mask)
    assert restored.shape == again.shape
    # A decoder that was not given back what was fitted would not do.
    with pytest.raises((AssertionError, AttributeError, TypeError, CellError)):
        decoder(kind, options).decode(new)


@pytest.mark.slow
def test_an_encoder_is_given_back_only_to_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMBENCH_CACHE", str(tmp_path / "cache"))
    folder = tiny_encoders.bert(tmp_path / "bert")
    options = {"encoder": str(folder)}
    fitted = decoder("text", options)
    layout = fitted.fit(["the cat sat", "a dog"])
    kept = through_json(tmp_path, reader(Column(kind="text", cells=[], options=options), fitted, layout))
    for text in ("the dog sat on the red mat", "a"):
        for mine, its in zip(fitted.decode(text), kept.decoder("it").decode(text), strict=True):
            np.testing.assert_array_equal(mine, its)
    tiny_encoders.bert(folder, seed=1)
    with pytest.raises(UserError, match=r"was .* when data was prepared"):
        kept.decoder("it")


@pytest.mark.parametrize(
    "content, said",
    [
        ("{", "cannot be read"),
        ("[]", "no mapping of modalities"),
        (json.dumps({"it": {"kind": "txt"}}), "kind"),
    ],
)
def test_a_broken_file_is_told(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        load(tmp_path)


def test_a_state_that_does_not_fit_is_told(tmp_path: Path) -> None:
    kind, options, cells, _ = CASES["words"]
    fitted = decoder(kind, options)
    kept = reader(Column(kind=kind, cells=cells, options=options), fitted, fitted.fit(cells))
    for state in ({"steps": 8}, {"steps": 8, "tokenizer": "{}"}):
        with pytest.raises(UserError, match="it cannot be restored"):
            kept.model_copy(update={"state": state}).decoder("it")


def test_generated_data_have_none(tmp_path: Path) -> None:
    assert load(tmp_path) == {}
