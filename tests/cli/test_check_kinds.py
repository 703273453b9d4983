"""`mmbench data check` of every kind of modality, from files to the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from mmbench.cli import main
from mmbench.data.inspect.cell_inspector import MEASURES
from mmbench.data.table.table import KINDS
from tests.cli.test_data import project as project
from tests.support.films import film, shades, tone

Shown = pytest.CaptureFixture[str]
RNG = np.random.default_rng(0)


def _image(file: Path, i: int) -> None:
    Image.fromarray(RNG.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(file)


def _audio(file: Path, i: int) -> None:
    soundfile.write(file, RNG.normal(0, 0.1, 1600 + i).astype(np.float32), 8000)


def _video(file: Path, i: int) -> None:
    sound = tone(200 + i, 0.4, 16_000)
    file.write_bytes(film("x.avi", shades(8 + i, 32 + i % 2), codec="mjpeg", format="avi", sound=sound).read())


def _array(shape: tuple[int, ...]) -> Callable[[Path, int], None]:
    return lambda file, i: np.save(file, RNG.normal(size=shape).astype(np.float32))


def _text(file: Path, i: int) -> None:
    file.write_text(f"sample {i} says nothing much", encoding="utf-8")


FILES: dict[str, tuple[str, str, Callable[[Path, int], None]]] = {
    "image": (".png", "image", _image),
    "audio": (".wav", "audio", _audio),
    "video": (".avi", "video", _video),
    "video as audio": (".avi", "audio", _video),
    "text": (".txt", "text", _text),
    "vector": (".npy", "vector", _array((9,))),
    "sequence": (".npy", "sequence", _array((5, 3))),
    # Its values stand in the table itself.
    "table": ("", "table", lambda file, i: None),
}
COLUMNS = {"text": {"text": {"files": True}}, "table": {"table": {"columns": ["x", "label2"]}}}


@pytest.mark.parametrize("what", FILES)
def test_every_kind_is_checked_and_shown(project: Path, capsys: Shown, what: str) -> None:
    suffix, kind, write = FILES[what]
    folder = project / "data" / "raw" / "own"
    folder.mkdir(parents=True)
    rows = []
    for i in range(12):
        write(folder / f"{i}{suffix}", i)
        rows.append(f"{i}{suffix},{'cd'[i % 3 == 0]},{'ab'[i % 2]}")
    (folder / "m.csv").write_text("x,label2,label\n" + "\n".join(rows), encoding="utf-8")
    card = {"manifest": "m.csv", "columns": {"x": COLUMNS.get(kind, kind)}, "target": {"classification": "label"}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    code = main(["data", "check", "own", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["problems"]) == (0, [])
    modality = told["modalities"]["x"]
    assert tuple(modality["measures"]) == MEASURES[kind]
    assert (modality["present"], modality["unreadable"]) == (12, 0)
    page = (project / "reports" / "data" / "own.html").read_text(encoding="utf-8")
    assert page.count('class="example"') == 12
    assert page.count("<blockquote" if kind in ("text", "table") else "data:image/png;base64,") == 12
    if what == "video":
        frames = modality["measures"]["frames"]
        assert (frames["least"], frames["most"]) == (8, 19)


def test_every_kind_is_in_the_test() -> None:
    assert {kind for _, kind, _ in FILES.values()} == set(KINDS)
