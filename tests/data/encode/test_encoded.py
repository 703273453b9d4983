"""Cells become features of real pretrained encoders (tiny, random), as transformers itself would give them."""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
import transformers
from PIL import Image

from mmbench.data.batches import Example
from mmbench.data.decode.factory import decoder
from mmbench.data.encode.encoded import Encoded
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.prepare.arrays import prepare
from mmbench.data.table.table import Cell, Column, Table
from mmbench.schema.task import task_of
from mmbench.stem.feature import Feature
from tests.support import tiny_encoders

TEXTS = ["the cat sat on the mat", "a dog ran", "red", "the blue dog sat on a red cat"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tiny_encoders.Folders:
    return tiny_encoders.Folders(tmp_path_factory.mktemp("encoders"))


def encoded(kind: str, encoder: Path, **options: object) -> Encoded:
    made = decoder(kind, {"encoder": str(encoder), **options})
    assert isinstance(made, Encoded)
    return made


def picture(seed: int, width: int = 50, height: int = 40) -> BytesSource:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return BytesSource(f"{seed}.png", stream.getvalue())


def sound(seconds: float, rate: int = 16_000, seed: int = 0) -> BytesSource:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate)).astype(np.float32)
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format="wav", subtype="FLOAT")
    return BytesSource(f"{seconds}.wav", stream.getvalue())


def film(frames: int, seed: int = 0) -> BytesSource:
    """Ever lighter grey under noise: frames differ, and in order."""
    rng, stream = np.random.default_rng(seed), io.BytesIO()
    with av.open(stream, "w", format="matroska") as container:
        video = container.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = 48, 32, "bgr0"
        for i in range(frames):
            pixels = rng.integers(0, 60, (32, 48, 3)) + 180 * i // max(1, frames - 1)
            for packet in video.encode(av.VideoFrame.from_ndarray(pixels.astype(np.uint8), "rgb24")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
    return BytesSource(f"{seed}.mkv", stream.getvalue())


def rows(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return values if mask is None else values[mask]


@contextmanager
def passes(made: Encoded) -> Iterator[list[int]]:
    """The batch size of every forward pass of the real encoder within."""
    seen: list[int] = []
    hook = made.model.part.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(len(out[0])), with_kwargs=True
    )
    try:
        yield seen
    finally:
        hook.remove()


def direct(folder: Path, **inputs: torch.Tensor) -> object:
    with torch.inference_mode():
        return transformers.AutoModel.from_pretrained(folder).eval()(**inputs)


def close(found: np.ndarray, wanted: torch.Tensor) -> None:
    """Equal but for the rounding to float16."""
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.astype(np.float32), wanted.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.slow
def test_text_is_what_transformers_gives(folders: tiny_encoders.Folders) -> None:
    made = encoded("text", folders.bert)
    layout = made.fit(TEXTS)
    assert (layout.shape, layout.dtype, layout.steps, layout.stem) == ((10, 16), "float16", 10, "feature")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders.bert)
    for text, found in zip(TEXTS, made.decode_many(TEXTS), strict=True):
        assert not isinstance(found, CellError)
        wanted = direct(folders.bert, **tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        assert len(rows(*found)) == len(wanted)
        close(rows(*found), wanted)
        assert not found[0][len(wanted) :].any()


def test_longer_texts_are_averaged_and_the_longest_cut(folders: tiny_encoders.Folders) -> None:
    made = encoded("text", folders.bert, tokens=4)
    assert made.fit(TEXTS).shape == (4, 16)
    values, mask = made.decode("the cat sat on the mat")  # 8 tokens with the two of BERT
    assert mask is None
    inputs = transformers.AutoTokenizer.from_pretrained(folders.bert)("the cat sat on the mat", return_tensors="pt")
    close(values, direct(folders.bert, **inputs).last_hidden_state[0].unflatten(0, (4, 2)).mean(1))
    # 40 positions: what lies beyond changes nothing.
    long = "dog " * 38
    np.testing.assert_array_equal(made.decode(long)[0], made.decode(long + "cat cat")[0])


def test_the_encoder_of_an_encoder_and_decoder_is_run(folders: tiny_encoders.Folders, tmp_path: Path) -> None:
    whole, alone = encoded("text", folders.t5), encoded("text", tiny_encoders.t5(tmp_path / "alone", alone=True))
    assert whole.fit(TEXTS) == replace(alone.fit(TEXTS), note=whole.fit(TEXTS).note)
    inputs = transformers.AutoTokenizer.from_pretrained(folders.t5)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        model = transformers.T5Model.from_pretrained(folders.t5).eval().get_encoder()
        wanted = model(inputs["input_ids"], inputs["attention_mask"]).last_hidden_state[0]
    for made in (whole, alone):
        close(rows(*made.decode(TEXTS[0])), wanted)


def test_a_tokenizer_need_not_know_the_longest_text(folders: tiny_encoders.Folders, tmp_path: Path) -> None:
    folder = shutil.copytree(folders.bert, tmp_path / "bert")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["model_max_length"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    made = encoded("text", folder, tokens=100)
    assert made.fit(["dog " * 200]).shape == (38, 16)


def test_a_text_longer_than_in_training_keeps_the_shape(folders: tiny_encoders.Folders) -> None:
    made = encoded("text", folders.bert)
    assert made.fit(["red", "a dog"]).shape == (4, 16)
    values, mask = made.decode("the cat sat on the mat")
    assert values.shape == (4, 16) and mask is None


@pytest.mark.parametrize("name", ["vit", "clip"])
def test_image_is_what_transformers_gives(folders: tiny_encoders.Folders, name: str) -> None:
    folder = folders[name]
    made = encoded("image", folder)
    cells = [picture(1), picture(2, 20, 90)]
    layout = made.fit(cells)
    assert (layout.shape, layout.normal_axis) == ((17, 16), 1)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    for cell in cells:
        image = Image.open(cell.open())
        with torch.inference_mode():
            wanted = getattr(model, "vision_model", model)(**processor(image, return_tensors="pt"))
        values, mask = made.decode(cell)
        assert mask is None
        close(values, wanted.last_hidden_state[0])
        if name == "clip":
            pooled = encoded("image", folder, pool=True)
            assert pooled.fit(cells).shape == (16,)
            close(pooled.decode(cell)[0], wanted.pooler_output[0])


def test_patches_are_averaged_over_neighbours(folders: tiny_encoders.Folders) -> None:
    full, few = encoded("image", folders.vit), encoded("image", folders.vit, tokens=6)
    full.fit([picture(1)])
    assert few.fit([picture(1)]).shape == (5, 16)
    whole, thinned = full.decode(picture(3))[0].astype(np.float32), few.decode(picture(3))[0]
    close(thinned[:1], torch.from_numpy(whole[:1]))
    close(thinned[1:], torch.from_numpy(whole[1:].reshape(2, 2, 2, 2, 16).mean((1, 3)).reshape(4, 16)))


def test_feature_maps_become_tokens(folders: tiny_encoders.Folders) -> None:
    made = encoded("image", folders.convnext)
    assert made.fit([picture(1)]).shape == (16, 16)


def test_images_may_be_arrays(folders: tiny_encoders.Folders) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    made = encoded("image", folders.vit)
    made.fit([pixels])
    np.testing.assert_array_equal(made.decode(pixels)[0], made.decode(BytesSource("a.png", stream.getvalue()))[0])


def test_a_summary_that_was_never_trained_is_not_used(folders: tiny_encoders.Folders, tmp_path: Path) -> None:
    with_pooler = encoded("text", folders.bert, pool=True)
    layout = with_pooler.fit(TEXTS)
    assert (layout.shape, layout.options, layout.steps, layout.normal_axis) == ((16,), {"tokens": 8}, 8, 0)
    inputs = transformers.AutoTokenizer.from_pretrained(folders.bert)(TEXTS[0], return_tensors="pt")
    wanted = direct(folders.bert, **inputs)
    close(with_pooler.decode(TEXTS[0])[0], wanted.pooler_output[0])

    without = tiny_encoders.copy(folders.bert, tmp_path / "bert", drop="pooler.")
    made = encoded("text", without, pool=True)
    made.fit(TEXTS)
    close(made.decode(TEXTS[0])[0], wanted.last_hidden_state[0].mean(0))


def test_sound_is_what_transformers_gives(folders: tiny_encoders.Folders) -> None:
    made = encoded("audio", folders.wav2vec2)
    cells = [sound(0.3), sound(1.0, seed=1), sound(0.01, seed=2)]
    assert made.fit(cells).shape == (32, 16)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders.wav2vec2)
    samples, rate = soundfile.read(cells[0].open(), dtype="float32")
    wanted = direct(folders.wav2vec2, **extractor(samples, sampling_rate=rate, return_tensors="pt")).last_hidden_state
    found = made.decode_many(cells)
    lengths = [len(rows(*one)) for one in found if not isinstance(one, CellError)]
    assert lengths == [14, 32, 4]
    assert not isinstance(found[0], CellError)
    close(rows(*found[0]), wanted[0])


def test_sound_of_another_rate_is_resampled(folders: tiny_encoders.Folders) -> None:
    made = encoded("audio", folders.wav2vec2)
    made.fit([sound(0.5)])
    assert len(rows(*made.decode(sound(0.5, rate=44_100)))) == len(rows(*made.decode(sound(0.5)))) == 24


@pytest.mark.parametrize(("name", "tokens", "grid"), [("ast", 2 * 12 + 2, (2, 12)), ("whisper", 100, (1, 100))])
def test_padding_that_an_encoder_adds_is_no_token(
    folders: tiny_encoders.Folders, name: str, tokens: int, grid: tuple[int, int]
) -> None:
    folder, cell = folders[name], sound(0.25)
    made = encoded("audio", folder, tokens=200)
    made.fit([cell])
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    samples, rate = soundfile.read(cell.open(), dtype="float32")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        model = model.get_encoder() if name == "whisper" else model
        hidden = model(**extractor(samples, sampling_rate=rate, return_tensors="pt")).last_hidden_state[0]
    assert len(hidden) == tokens
    apart, seconds = tokens - grid[0] * grid[1], {"ast": 1.0, "whisper": 2.0}[name]
    real = int(np.ceil(grid[1] * 0.25 / seconds))
    wanted = torch.cat([hidden[:apart], hidden[apart:].unflatten(0, grid)[:, :real].flatten(0, 1)])
    close(rows(*made.decode(cell)), wanted)


def test_bands_are_thinned_before_time(folders: tiny_encoders.Folders) -> None:
    made = encoded("audio", folders.ast, tokens=13)
    made.fit([sound(1.0)])
    assert len(rows(*made.decode(sound(1.0)))) == 1 + 12


def test_films_are_what_transformers_gives(folders: tiny_encoders.Folders) -> None:
    cell = film(8)
    made = encoded("video", folders.videomae, tokens=64)
    assert made.fit([cell]).shape == (64, 16)
    with av.open(cell.open()) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    processor = transformers.AutoImageProcessor.from_pretrained(folders.videomae, backend="pil")
    wanted = direct(folders.videomae, **processor(frames, return_tensors="pt")).last_hidden_state[0]
    close(made.decode(cell)[0], wanted)

    few = encoded("video", folders.videomae, tokens=16)
    few.fit([cell])
    close(few.decode(cell)[0], wanted.reshape(4, 2, 2, 2, 2, 16).mean((2, 4)).reshape(16, 16))


def test_timesformer_has_its_frames_beside_one_another(folders: tiny_encoders.Folders) -> None:
    cell = film(4)
    made = encoded("video", folders.timesformer, tokens=5)
    assert made.fit([cell]).shape == (5, 16)
    full = encoded("video", folders.timesformer, tokens=100)
    assert full.fit([cell]).shape == (65, 16)
    whole = full.decode(cell)[0].astype(np.float32)
    wanted = np.concatenate([whole[:1], whole[1:].reshape(16, 4, 16).mean(0)])
    close(made.decode(cell)[0], torch.from_numpy(wanted))


def test_an_encoder_of_images_sees_a_film_frame_by_frame(folders: tiny_encoders.Folders) -> None:
    cell = film(5)
    made = encoded("video", folders.clip, frames=12)
    assert made.fit([cell]).shape == (12, 16)
    values, mask = made.decode(cell)
    assert mask is not None and mask.tolist() == [True] * 5 + [False] * 7
    with av.open(cell.open()) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    processor = transformers.AutoImageProcessor.from_pretrained(folders.clip, backend="pil")
    model = transformers.AutoModel.from_pretrained(folders.clip).eval()
    with torch.inference_mode():
        close(values[:5], model.vision_model(**processor(frames, return_tensors="pt")).pooler_output)


ALL: Sequence[tuple[str, str, Sequence[Cell]]] = [
    ("text", "bert", TEXTS),
    ("image", "vit", [picture(i) for i in range(5)]),
    ("audio", "wav2vec2", [sound(s) for s in (0.3, 0.5, 0.3001)]),
    ("audio", "ast", [sound(s) for s in (0.3, 0.5, 0.3001)]),
    ("video", "videomae", [film(8), film(3, 1)]),
]


@pytest.mark.parametrize(("kind", "name", "cells"), ALL, ids=[name for _, name, _ in ALL])
def test_what_else_is_encoded_changes_nothing(
    folders: tiny_encoders.Folders,
    kind: str,
    name: str,
    cells: Sequence[Cell],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = encoded(kind, folders[name])
    together.fit(cells)
    first = together.decode_many(cells)
    for i, cell in enumerate(cells):
        monkeypatch.setenv("MMBENCH_CACHE", str(tmp_path / str(i)))
        alone = pickle.loads(pickle.dumps(together))  # noqa: S301 - our own
        values, mask = alone.decode(cell)
        wanted = first[i]
        assert not isinstance(wanted, CellError)
        close(values, torch.from_numpy(wanted[0]).float())
        assert (mask is None) == (wanted[1] is None)


def test_only_what_is_new_is_encoded(folders: tiny_encoders.Folders, cache: Path) -> None:
    cells = [picture(i) for i in range(4)]
    made = encoded("image", folders.vit)
    with passes(made) as seen:
        made.fit(cells[:3])
        first = made.decode_many([*cells[:3], cells[0]])
        assert sum(seen) == 3
        again = encoded("image", folders.vit)
        again.fit(cells[:3])
        renamed = [BytesSource(f"other/{c.name}", c.data) for c in cells]
        second = again.decode_many(renamed)
        assert sum(seen) == 4
    for a, b in zip(first[:3], second[:3], strict=True):
        assert not isinstance(a, CellError) and not isinstance(b, CellError)
        np.testing.assert_array_equal(a[0], b[0])
    # Other options and other encoders have their own.
    with passes(other := encoded("image", folders.vit, tokens=5)) as seen:
        other.fit(cells[:1])
        assert sum(seen) == 1
    assert len(list(cache.glob("encoded/*/about.json"))) == 2


@pytest.mark.parametrize("harm", ["truncated", "bit", "shape", "empty", "pickle", "foreign"])
def test_a_broken_cache_entry_is_encoded_again(folders: tiny_encoders.Folders, cache: Path, harm: str) -> None:
    made = encoded("text", folders.bert)
    made.fit(TEXTS[:1])
    (file,) = cache.rglob("*.npz")
    good, wanted = file.read_bytes(), made.decode(TEXTS[0])[0]
    if harm == "pickle":
        np.savez(file, features=np.array([{"a": 1}], dtype=object))
    elif harm == "foreign":
        np.savez(file, features=np.zeros(3, np.float64))
    else:
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 4]) + good[middle + 1 :]
        huge = good.replace(b"(8, 16), }          ", b"(8, 169999999999), }")
        assert huge != good and len(huge) == len(good)
        file.write_bytes({"truncated": good[:-9], "bit": flipped, "shape": huge, "empty": b""}[harm])
    with passes(made) as seen:
        np.testing.assert_array_equal(made.decode(TEXTS[0])[0], wanted)
        assert seen == [1]
        made.decode(TEXTS[0])
        assert seen == [1]
    assert file.read_bytes() == good


def test_a_cell_that_cannot_be_read_is_told_in_its_place(folders: tiny_encoders.Folders) -> None:
    good, broken = picture(1), BytesSource("broken.png", picture(2).data[:60])
    made = encoded("image", folders.vit)
    made.fit([broken, good])
    found = made.decode_many([broken, good, BytesSource("empty.png", b"")])
    assert [isinstance(one, CellError) for one in found] == [True, False, True]
    with pytest.raises(CellError, match="broken"):
        made.decode(broken)
    with pytest.raises(CellError):
        encoded("image", folders.vit).fit([broken])


def test_the_feature_stem_takes_them(folders: tiny_encoders.Folders) -> None:
    for pool in (False, True):
        made = encoded("text", folders.bert, pool=pool)
        layout = made.fit(TEXTS)
        stem = Feature(8, layout.shape, **layout.options)
        values, mask = made.decode(TEXTS[0])
        batch = torch.from_numpy(values).float().unsqueeze(0)
        tokens, _ = stem(Example(values=batch, mask=None if mask is None else torch.from_numpy(mask).unsqueeze(0)))
        assert tokens.shape == (1, layout.steps, 8)


class Arrays(dict[str, np.ndarray]):
    """What `prepare` writes to, in memory."""

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: object) -> np.ndarray:
        self[f"{split}/{name}"] = np.zeros(shape, dtype)
        return self[f"{split}/{name}"]


def test_prepare_encodes_each_cell_once(folders: tiny_encoders.Folders) -> None:
    texts = [*TEXTS, "on the red mat", "the dog sat"]
    columns = {
        "caption": Column(kind="text", cells=texts, options={"encoder": str(folders.bert)}),
        "photo": Column(
            kind="image",
            cells=[picture(0), None, *(picture(i) for i in range(2, 6))],
            options={"encoder": str(folders.vit), "pool": True},
        ),
    }
    table = Table(
        places=[f"row {i}" for i in range(6)],
        modalities=columns,
        task=task_of("binary", ("no", "yes")),
        labels=np.array([0, 1, 0, 1, 0, 1]),
    )
    split = np.array(["train", "train", "train", "train", "validation", "test"])
    first, again = Arrays(), Arrays()
    text, image = (encoded(c.kind, Path(str(c.options["encoder"]))) for c in columns.values())
    with passes(text) as texts_seen, passes(image) as images_seen:
        prepared = prepare(table, split, first, progress=False, processes=1)  # type: ignore[arg-type]
        assert (sum(texts_seen), sum(images_seen)) == (6, 5)
        prepare(table, split, again, progress=False, processes=1)  # type: ignore[arg-type]
        assert (sum(texts_seen), sum(images_seen)) == (6, 5)
    assert first.keys() == again.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name], err_msg=name)
    assert first["train/caption"].shape == (4, 10, 16) and first["train/photo"].shape == (4, 16)
    assert first["train/photo.mask"].any(axis=1).tolist() == [True, False, True, True]
    assert {m.kind for m in prepared.modalities.values()} == {"feature"}
    assert not any(str(folders.root) in note for note in prepared.notes), "reports name no path"
