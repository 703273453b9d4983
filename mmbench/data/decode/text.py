"""Texts of any language become identifiers of words, or of parts of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from mmbench.data.decode.base import Decoder, Layout, describe_cut, typical
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

LONGEST, LEAST, QUANTILE = 128, 8, 0.99
VOCABULARY = 8000
PADDING, UNKNOWN = "[PAD]", "[UNK]"

UNSEEN = 0.1
"""Where more of the words in every tenth training text occur in no other one, words are cut into parts."""

LARGEST = 1 << 24
"""Bytes of a text file."""


class TextDecoder(Decoder):
    """(T,) int32 identifiers and a mask (T,): 0 is padding, 1 an unknown word.

    The vocabulary is of the training samples alone. tokens: `word` (runs of letters and digits, and each sign; Chinese
    characters one by one) or `bpe` (byte pairs, in which no word of any language is unknown); by default words, unless
    more than a tenth of them would be unknown. vocabulary: at most so many identifiers. lower: whether upper case is
    made lower. length: T; by default what holds 99 % of the training samples, at most 128; what lies beyond is cut.

    Unicode is normalised (NFKC). A cell is a text, or a file in UTF-8.
    """

    fitted = ("steps",)
    light = True

    def __init__(
        self,
        *,
        tokens: Literal["word", "bpe"] | None = None,
        vocabulary: Annotated[int, Field(ge=260, le=100_000)] = VOCABULARY,
        lower: bool = True,
        length: Annotated[int, Field(ge=1, le=2048)] | None = None,
    ) -> None:
        self.tokens, self.vocabulary, self.lower, self.length = tokens, vocabulary, lower, length

    def fit(self, cells: Sequence[Cell]) -> Layout:
        how = self.tokens or ("bpe" if self._unseen(cells) > UNSEEN else "word")
        self.tokenizer = self._word() if how == "word" else self._bpe()
        self.tokenizer.train_from_iterator(self._texts(cells), self._trainer(how))
        lengths = [len(self.tokenizer.encode(text).ids) for text in self._texts(cells)]
        if not any(lengths):
            raise CellError("no training sample has a word in it")
        self.steps = self.length or max(LEAST, typical(lengths, QUANTILE, LONGEST))
        size = self.tokenizer.get_vocab_size()
        return Layout(
            shape=(self.steps,),
            dtype="int32",
            steps=self.steps,
            stem="text",
            options={"vocabulary": size},
            normal_axis=None,
            note=(
                f"{size:,} {'words' if how == 'word' else 'parts of words'} of the training texts; up to {self.steps} "
                f"a sample; {describe_cut(lengths, self.steps, 'length')}"
            ),
        )

    def state(self) -> dict[str, Any]:
        return super().state() | {"tokenizer": self.tokenizer.to_str()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.tokenizer = Tokenizer.from_str(state["tokenizer"])

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
        ids = self.tokenizer.encode(read_text(cell)).ids[: self.steps]
        values = np.zeros(self.steps, np.int32)
        values[: len(ids)] = ids
        return values, np.arange(self.steps) < len(ids)

    def _texts(self, cells: Sequence[Cell]) -> Iterator[str]:
        """Those that can be read: decoding will tell of the others."""
        for cell in cells:
            try:
                yield read_text(cell)
            except CellError:
                continue

    def _unseen(self, cells: Sequence[Cell]) -> float:
        """The share of the words of every tenth text that occur in none of the others."""
        cut = self._word()
        seen: set[str] = set()
        asked: Counter[str] = Counter()
        for i, text in enumerate(self._texts(cells)):
            words = [w for w, _ in cut.pre_tokenizer.pre_tokenize_str(cut.normalizer.normalize_str(text))]
            if i % 10 == 9:
                asked.update(words)
            else:
                seen.update(words)
        unknown = sum(n for word, n in asked.items() if word not in seen)
        return unknown / max(1, asked.total())

    def _normal(self) -> list[Any]:
        return [normalizers.NFKC(), *([normalizers.Lowercase()] if self.lower else [])]

    def _word(self) -> Tokenizer:
        made = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        # Spaces round Chinese characters, which have none; the rest of what BERT's normalizer does is left out.
        chinese = normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False
        )
        made.normalizer = normalizers.Sequence([*self._normal(), chinese])
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        return made

    def _bpe(self) -> Tokenizer:
        made = Tokenizer(models.BPE())
        made.normalizer = normalizers.Sequence(self._normal())
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()
        return made

    def _trainer(self, how: str) -> Any:
        common: dict[str, Any] = {
            "vocab_size": self.vocabulary,
            "special_tokens": [PADDING, UNKNOWN],
            "show_progress": False,
        }
        if how == "word":
            return trainers.WordLevelTrainer(**common)
        return trainers.BpeTrainer(initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), **common)


def read_text(cell: Cell) -> str:
    """The text of a cell, or of the file in UTF-8 that it names. Raises CellError."""
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, Source):
        raise CellError(f"a text is a text or a file, not {type(cell).__name__}")
    with cell.open() as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise CellError(f"is more than {LARGEST >> 20} MiB of text; cut it into samples")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellError(f"is not text in UTF-8: byte {error.start} is {data[error.start]:#04x}") from None
