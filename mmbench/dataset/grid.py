"""A person says a six-word command: seen, heard, and written down but for the word that is asked for."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import numpy as np

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root, Source
from mmbench.data.public.loader import GitFolder, Loader, Origin
from mmbench.data.table.table import Column, Table
from mmbench.registry import variant
from mmbench.schema.task import task_of

Word = Literal["command", "colour", "preposition", "letter", "digit", "adverb"]
Grouping = Literal["auto", "speaker", "sentence", "none"]
WORDS: tuple[str, ...] = get_args(Word)

VOCABULARY: dict[str, tuple[str, ...]] = {
    "command": ("bin", "lay", "place", "set"),
    "colour": ("blue", "green", "red", "white"),
    "preposition": ("at", "by", "in", "with"),
    "letter": tuple("abcdefghijklmnopqrstuvxyz"),
    "digit": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "adverb": ("again", "now", "please", "soon"),
}
SILENCE = ("sil", "sp")
MASK = "[mask]"

_DIGITS = dict(zip(VOCABULARY["digit"], "z123456789", strict=True))


@variant("grid", source="Cooke et al. 2006, the GRID audio-visual corpus")
class Grid(Loader):
    """Which word (`target`, the digit unless another one is named) is said in a clip of three seconds?

    The root holds MPEG-1 clips (`*.mpg`: 75 frames of 360 x 288 and sound; some containers claim another rate, so
    frames are counted) and word alignments (`*.align`: start, end, word a line), in any folders; a clip and its
    alignment have one name, which spells the sentence: `bbaf2n` is "bin blue at f two now". Where a folder above is
    named s1, s2, ..., that is the speaker. The target is masked in the text; without that, the text would say it.

    groups, which never part: `speaker`; `sentence`, clips that differ in digit and adverb only (the corpus counts the
    digits through, so that its neighbours tell the digit of a sentence); `none`; or `auto`: speakers, where there are
    three or more, else sentences.
    """

    description: ClassVar[str] = "A spoken command, seen and heard, with one word masked in its text: which word is it?"
    origin: ClassVar[Origin] = Origin(
        page="https://spandh.dcs.shef.ac.uk/gridcorpus",
        revision="7cdd534e of github.com/TVR28/LipNet (speaker 1)",
        licence="CC BY 4.0",
        citation="Cooke, Barker, Cunningham and Shao 2006, An audio-visual corpus for speech perception and automatic "
        "speech recognition, JASA 120(5), doi:10.1121/1.2229005",
        downloads=(GitFolder(url="https://github.com/TVR28/LipNet", commit="7cdd534e", folder="data", path="."),),
        by_hand="All 34 speakers: https://spandh.dcs.shef.ac.uk/gridcorpus (for each speaker, the video of normal "
        "quality and the word alignments), unpacked so that clips lie in s1/, s2/, ... and alignments in align/s1/, ",
    )

    def __init__(self, *, target: Word = "digit", groups: Grouping = "auto") -> None:
        self.target, self.groups = target, groups

    def table(self, root: Root) -> Table:
        clips, aligned = self._files(root, "mpg"), self._files(root, "align")
        problems = [
            Problem(where=".", what=f"there is no *.{suffix} below the root; GRID has {what}")
            for suffix, what, found in (("mpg", "clips", clips), ("align", "word alignments", aligned))
            if not found
        ]
        rows: list[tuple[tuple[str, str], str, list[str], Source]] = []
        for key, path in clips.items() if not problems else ():
            # Alignments of a single speaker often lie in a folder that does not name him.
            at = aligned.get(key, aligned.get(("", key[1])))
            try:
                if at is None:
                    raise CellError(f"has no alignment; {key[1]}.align is missing")
                rows.append((key, path, _words(root.source(at), key[1]), root.source(path)))
            except CellError as error:
                problems.append(Problem(where=path, what=str(error)))
        if problems:
            raise DataError(problems)
        place = WORDS.index(self.target)
        said = [words[place] for _, _, words, _ in rows]
        classes = [word for word in VOCABULARY[self.target] if word in said]
        films = [film for *_, film in rows]
        return Table(
            places=[path for _, path, _, _ in rows],
            modalities={
                "video": Column(
                    kind="video",
                    cells=films,
                    options={"length": 15, "frames": 5, "height": 36, "width": 48, "patch": 12, "channels": 1},
                ),
                "audio": Column(kind="audio", cells=films, options={"seconds": 3.0}),
                "text": Column(kind="text", cells=[_masked(words, place) for _, _, words, _ in rows]),
            },
            task=task_of("classification", classes),
            labels=np.array([classes.index(word) for word in said], dtype=np.int64),
            group=self._group([key for key, *_ in rows]),
        )

    def _group(self, keys: list[tuple[str, str]]) -> list[str] | None:
        several = len({speaker for speaker, _ in keys}) >= 3
        by = ("speaker" if several else "sentence") if self.groups == "auto" else self.groups
        if by == "none":
            return None
        return [speaker if by == "speaker" else name[:4] for speaker, name in keys]

    def _files(self, root: Root, suffix: str) -> dict[tuple[str, str], str]:
        """(speaker, name) -> path."""
        found: dict[tuple[str, str], str] = {}
        for path in root.glob(f"**/*.{suffix}"):
            *folders, name = path.split("/")
            speaker = next((f for f in reversed(folders) if f[:1] == "s" and f[1:].isdigit()), "")
            key = speaker, name.removesuffix(f".{suffix}")
            if key in found:
                raise DataError([Problem(where=path, what=f"is the same clip as {found[key]}; keep one of the two")])
            found[key] = path
        return found


def _masked(words: list[str], place: int) -> str:
    return " ".join(MASK if i == place else word for i, word in enumerate(words))


def _words(alignment: Source, name: str) -> list[str]:
    """The six words of a clip, checked against the letters of its name. Raises CellError."""
    lines = [line.split() for line in alignment.read().decode("utf-8", "replace").splitlines() if line.strip()]
    wrong = [i for i, line in enumerate(lines, 1) if len(line) != 3 or not (line[0].isdigit() and line[1].isdigit())]
    if wrong:
        raise CellError(f"{alignment.name} line {wrong[0]} is not `start end word`")
    words = [word.lower() for _, _, word in lines if word not in SILENCE]
    for i, (kind, known) in enumerate(VOCABULARY.items()):
        if len(words) != len(WORDS) or words[i] not in known:
            may = ", ".join(known)
            raise CellError(
                f"{alignment.name} says {' '.join(words)!r}; word {i + 1} of 6, the {kind}, is one of {may}"
            )
    spelt = "".join(_DIGITS.get(word, word[0]) for word in words)
    if spelt != name:
        raise CellError(f"{alignment.name} says {' '.join(words)!r}, which is spelt {spelt}; the clip is {name}")
    return words
