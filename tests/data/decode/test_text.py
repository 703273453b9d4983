"""Texts of any language, and a vocabulary of the training texts alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mmbench.data.decode.base import Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.decode.text import TextDecoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

BOXES = [f"There is a {c} {s} in box {n}." for c in ("red", "blue", "black") for s in ("cup", "ball") for n in range(9)]


def fitted(cells: list[Cell], **options: Any) -> tuple[TextDecoder, Layout]:
    made = decoder("text", options)
    assert isinstance(made, TextDecoder)
    return made, made.fit(cells)


def words(made: TextDecoder, cell: Cell) -> list[str]:
    values, mask = made.decode(cell)
    assert values.dtype == np.int32 and not values[~mask].any() and values[mask].all()
    return [made.tokenizer.id_to_token(int(i)) for i in values[mask]]


def test_words() -> None:
    made, layout = fitted(list(BOXES))
    assert layout.shape == (9,) and layout.steps == 9 and layout.normal_axis is None
    assert words(made, BOXES[0]) == ["there", "is", "a", "red", "cup", "in", "box", "0", "."]
    assert layout.options["vocabulary"] == made.tokenizer.get_vocab_size() <= 25


def test_only_training_texts_are_known() -> None:
    made, layout = fitted(list(BOXES))
    assert words(made, "There is a zebra") == ["there", "is", "a", "[UNK]"]
    assert made.decode("zebra")[0][0] == 1
    assert made.decode("zebra")[0].max() < layout.options["vocabulary"]


def test_upper_case() -> None:
    assert words(fitted(["One two"])[0], "ONE Two") == ["one", "two"]
    assert words(fitted(["One two"], lower=False)[0], "One two TWO") == ["One", "two", "[UNK]"]


def test_unicode_is_normalised() -> None:
    made, _ = fitted(["caf\u00e9 \ufb01ne \uff21"])
    assert words(made, "cafe\u0301 fine A") == ["caf\u00e9", "fine", "a"]


@pytest.mark.parametrize(
    "texts",
    [
        ["der Fuß ist groß", "die Straße"],
        ["我喜欢红色的杯子", "你好世界"],
        ["ฉันชอบแก้วสีแดง", "สวัสดีชาวโลก"],
        ["مرحبا بالعالم", "أنا أحب الكوب"],
        ["красный мяч", "синий куб"],
        ["赤いカップが好きです", "こんにちは"],
        ["🙂 good 👍🏽", "bad 🙁"],
    ],
)
@pytest.mark.parametrize("tokens", ["word", "bpe"])
def test_languages(texts: list[str], tokens: str) -> None:
    made, _ = fitted(list(texts), tokens=tokens)
    for text in texts:
        assert 1 not in made.decode(text)[0], "no training word is unknown"
        assert made.decode(text)[1].any()


def test_chinese_characters_are_words() -> None:
    made, _ = fitted(["我喜欢红色的杯子"])
    assert words(made, "红杯") == ["红", "杯"]


def test_no_text_is_unknown_to_byte_pairs() -> None:
    made, layout = fitted(["plain english"] * 3, tokens="bpe", length=64)
    for text in ("Привет", "你好", "ฉัน", "🙂", "zebra\x01"):
        values, mask = made.decode(text)
        assert 1 not in values[mask] and mask.any()
        assert made.tokenizer.decode(values[mask].tolist()).strip() == text.lower()
    assert layout.options["vocabulary"] >= 258


def test_byte_pairs_where_many_words_would_be_unknown() -> None:
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    rare: list[Cell] = [" ".join("".join(rng.choice(letters, 9)) for _ in range(6)) for _ in range(60)]
    assert "parts of words" in fitted(rare)[1].note
    assert "parts of words" not in fitted(list(BOXES))[1].note


def test_the_length_is_that_of_training_texts_and_bounded() -> None:
    _, layout = fitted(["one"] * 9)
    assert layout.steps == 8
    made, layout = fitted(["word " * 5000] * 3)
    assert layout.steps == 128 and made.decode("word " * 5000)[1].all()
    assert fitted(["one"], length=3)[1].shape == (3,)


def test_the_vocabulary_is_bounded() -> None:
    texts: list[Cell] = [f"w{i} common" for i in range(2000)]
    made, layout = fitted(texts, tokens="word", vocabulary=300)
    assert layout.options["vocabulary"] == 300
    assert "common" in words(made, "common")


def test_texts_without_a_word() -> None:
    made, _ = fitted(list(BOXES))
    for text in ("", "   ", "\n"):
        values, mask = made.decode(text)
        assert not mask.any() and not values.any()
    with pytest.raises(CellError, match="no training sample has a word"):
        fitted(["", " "])


def test_files() -> None:
    made, _ = fitted([*BOXES, BytesSource("x.txt", b"\xff\xfe bad")])
    assert words(made, BytesSource("x.txt", b"\xef\xbb\xbfa red cup")) == ["a", "red", "cup"]
    with pytest.raises(CellError, match=r"not text in UTF-8: byte 2 is 0xff"):
        made.decode(BytesSource("x.txt", b"ab\xff"))
    with pytest.raises(CellError, match="empty"):
        made.decode(BytesSource("x.txt", b""))
    with pytest.raises(CellError, match="a text is"):
        made.decode(np.zeros(3))


def test_options() -> None:
    with pytest.raises(UserError, match="did you mean 'lower'"):
        decoder("text", {"lowr": True})
    with pytest.raises(UserError, match="'word' or 'bpe'"):
        decoder("text", {"tokens": "letters"})


def test_a_decoder_travels() -> None:
    made, _ = fitted(list(BOXES))
    back = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert np.array_equal(back.decode(BOXES[5])[0], made.decode(BOXES[5])[0])


@pytest.mark.slow
@pytest.mark.parametrize("tokens", ["word", "bpe"])
def test_training_again_gives_the_same_identifiers(tokens: str) -> None:
    """Also in another process, whose hashes and threads are others."""
    code = (
        "from mmbench.data.decode.factory import decoder; import random\n"
        "r = random.Random(0)\n"
        "texts = [' '.join(''.join(r.choices('abcdef', k=4)) for _ in range(8)) for _ in range(300)]\n"
        f"d = decoder('text', {{'tokens': {tokens!r}, 'vocabulary': 400}}); d.fit(texts)\n"
        "print(d.tokenizer.to_str())"
    )
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(3)}
    assert len(found) == 1
