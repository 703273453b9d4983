"""The raw signals: who says what, where it lies, and that unknown writers and voices stay unknown."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from mmbench.data.synthetic import audio, digits, image, speech, text, video
from mmbench.data.synthetic.ceiling import ceiling, joint_ceiling
from mmbench.data.synthetic.generator import MODALITIES, RENDER
from mmbench.data.synthetic.numbers import DIGITS, NUMBERS, WORDS
from mmbench.data.synthetic.sampling import corrupted

SPLITS = ("train", "validation", "test")
SIGNALS = {"image": image, "video": video}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_writers_are_disjoint_and_forms_whole() -> None:
    blocks = sorted(block for split in SPLITS for block in digits.ROWS[split])
    assert blocks[0][0] == 0 and blocks[-1][1] == len(digits._file()[1])
    assert all(before[1] == after[0] for before, after in pairwise(blocks))
    for first, _ in blocks:
        assert digits._file()[1][first : first + 30].tolist() == [*range(10)] * 3
    pictures = {s: {x.tobytes() for d in DIGITS for x in digits.images(s, d)} for s in SPLITS}
    assert not pictures["train"] & pictures["test"] and not pictures["validation"] & pictures["test"]


def test_voices_are_disjoint() -> None:
    voices = {s: set(speech.voices(s)) for s in SPLITS}
    assert sum(map(len, voices.values())) == len(set.union(*voices.values())) > 90
    assert all(len(v) >= 10 for v in voices.values())
    named = [{v.rstrip("0123456789") for v in names} - set(speech.UNRELATED) for names in voices.values()]
    assert sum(map(len, named)) == len(set.union(*named))


def test_templates_are_disjoint_while_words_are_shared() -> None:
    patterns = [set(text.templates(s)) for s in SPLITS]
    assert sum(map(len, patterns)) == len(set.union(*patterns))
    words = [{w for t in p for w in t} for p in patterns]
    assert words[2] <= words[0] and words[1] <= words[0]
    assert all(sum(w in WORDS for w in t) == 0 for p in patterns for t in p)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(RENDER))
def test_evidence_covers_the_signal(kind: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same noise and another number, only evidence tokens change; hiding them hides the number."""
    one, other = np.zeros(40, np.int64), np.ones(40, np.int64)
    tokens = []
    for numbers in (one, other):
        draw = np.random.default_rng(3)
        if kind == "audio":
            clips, spans = audio.place("test", numbers, draw)
            noise = 0.01 * np.random.default_rng(4).standard_normal(clips.shape, np.float32)
            values, evidence = audio.log_mel(clips + noise), audio.heard(spans)
        elif kind == "text":
            rendered = RENDER[kind]("test", numbers, draw)
            values, evidence = rendered.values, rendered.evidence
        else:
            monkeypatch.setattr(SIGNALS[kind], "NOISE", 0.0)
            rendered = RENDER[kind]("test", numbers, draw)
            values, evidence = rendered.values[:, 0] if kind == "image" else rendered.values[:, :, 0], rendered.evidence
        if kind == "image":
            side = image.SIDE // image.PATCH
            values = values.reshape(40, side, image.PATCH, side, image.PATCH).swapaxes(2, 3)
        tokens.append((values.reshape(40, evidence.shape[1], -1), evidence))
    (a, evidence_a), (b, evidence_b) = tokens
    quiet = ~(evidence_a | evidence_b)
    assert np.array_equal(a[quiet], b[quiet])
    # Where opposite motions cross, one frame in seven shows the same.
    assert (a != b)[evidence_a & evidence_b].any(-1).mean() > 0.8
    assert evidence_a.any(1).all()
    if kind != "video":
        assert evidence_a.mean() < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "audio"])
def test_numbers_can_be_told_apart_by_unknown_writers_and_voices(kind: str) -> None:
    def draw(split: str, n: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.arange(n) % NUMBERS
        values = RENDER[kind](split, numbers, np.random.default_rng(n)).values
        return values.reshape(n, -1).astype(np.float32), numbers

    nearest = KNeighborsClassifier(5).fit(*draw("train", 1200))
    assert nearest.score(*draw("test", 200)) > 0.6


def test_words_differ_and_are_deterministic() -> None:
    with speech.synthesiser() as speaker:
        first = [speaker.say(word, "f1", 200, 50) for word in WORDS]
    with speech.synthesiser() as speaker:
        again = [speaker.say(word, "f1", 200, 50) for word in WORDS]
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    assert len({wave.tobytes() for wave in first}) == len(WORDS)
    assert all(0.1 < len(wave) / speech.RATE < 1 and 0.05 < np.abs(wave).max() <= 1 for wave in first)


def test_sentences_name_the_number_where_the_evidence_is(rng: np.random.Generator) -> None:
    numbers = rng.integers(NUMBERS, size=200)
    rendered = text.render("validation", numbers, rng)
    assert (rendered.evidence.sum(1) == 1).all()
    named = rendered.values[rendered.evidence]
    assert [text.WORDS[i] for i in named] == [WORDS[n] for n in numbers]
    assert rendered.values.min() == 0 and rendered.values.max() < MODALITIES["text"].options["vocabulary"]
    assert len(np.unique(rendered.evidence.argmax(1))) >= 3


def test_motion_goes_where_the_number_says(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.setattr(video, "NOISE", 0.0)
    numbers = np.arange(80) % 4
    rendered = video.render("test", numbers, rng)
    ink_there = np.maximum(rendered.values[:, :, 0].astype(np.float64) - rendered.values.min(), 0)
    axis = np.arange(video.SIDE)
    for sample, number in enumerate(numbers):
        frames = ink_there[sample][rendered.evidence[sample]]
        x = (frames.sum(1) @ axis) / frames.sum((1, 2))
        y = (frames.sum(2) @ axis) / frames.sum((1, 2))
        moved = {"right": x[-1] - x[0], "left": x[0] - x[-1], "down": y[-1] - y[0], "up": y[0] - y[-1]}
        assert max(moved, key=lambda way: moved[way]) == video.DIRECTIONS[number]
        assert len(frames) == video.SEEN


@pytest.mark.parametrize("shares", [[0.0], [0.05], [0.9], [0.2, 0.2, 0.3, 0.3], [0.4, 0.8, 0.1]])
def test_ceiling_is_what_a_simulated_best_guess_reaches(shares: list[float], rng: np.random.Generator) -> None:
    labels = np.arange(200_000) % 4
    reports = np.stack([corrupted(rng, labels, p, 4) for p in shares], axis=1)
    evidence = np.zeros((len(labels), 4))
    for m, p in enumerate(shares):
        right = np.log(np.maximum([1 - p, p / 3], 1e-300))
        evidence += np.where(reports[:, m, None] == np.arange(4), right[0], right[1])
    assert (evidence.argmax(1) == labels).mean() == pytest.approx(ceiling(shares, 4), abs=0.005)


def test_ceiling_of_a_joint_table() -> None:
    assert joint_ceiling(np.array([[0.3, 0.1], [0.2, 0.4]])) == pytest.approx(0.7)
