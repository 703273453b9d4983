"""The row in a model's description: any shell writes it, and the model takes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.champion import example
from mmbench.champion.inputs import InputBuilder
from mmbench.data.prepare.readers import Reader
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.task import task_of


def builder(
    shapes: dict[str, tuple[int, ...]], readers: dict[str, Reader], words: tuple[str, ...] = ()
) -> InputBuilder:
    spec = DataSpec(
        name="made",
        description="",
        modalities={
            name: Modality(kind="feature", shape=shape, options={"vocabulary": 9} if name in words else {})
            for name, shape in shapes.items()
        },
        task=task_of("binary", ("no", "yes")),
        splits={"train": 1, "validation": 1, "test": 1},
        chance=None,
        ceiling=None,
        licence="",
        source="",
        hash="",
    )
    return InputBuilder(spec=spec, modalities=tuple(shapes), readers=readers, decoders={})


def reader(kind: str, shape: tuple[int, ...], **more: object) -> Reader:
    return Reader.model_validate(
        {"kind": kind, "options": {}, "state": {}, "shape": shape, "dtype": "float32", "steps": 1, "whole": True} | more
    )


def written(made: InputBuilder, folder: Path) -> dict[str, object]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", example.command(made)], cwd=folder, check=True, env=environment)
    found: dict[str, object] = json.loads((folder / "rows.jsonl").read_text(encoding="utf-8"))
    return found


def test_arrays_are_written_out_where_they_are_small(tmp_path: Path) -> None:
    made = builder({"left": (2, 3), "said": (4,)}, {}, words=("said",))
    assert example.command(made).startswith("echo ")
    assert written(made, tmp_path) == {"left": [[0.0] * 3] * 2, "said": [0] * 4}


def test_large_arrays_are_made_by_a_line_of_python(tmp_path: Path) -> None:
    made = builder({"picture's": (28, 28), "said": (16,)}, {}, words=("said",))
    assert len(example.command(made)) < 300
    row = written(made, tmp_path)
    assert row == {"picture's": [[0.0] * 28] * 28, "said": [0] * 16}
    assert "0.0" not in json.dumps(row["said"])


def test_files_and_texts_have_names_and_words(tmp_path: Path) -> None:
    readers = {
        "photo": reader("image", (3, 16, 16), columns=("file",)),
        "sound": reader("audio", (40, 10)),
        "story": reader("text", (16,), files=True),
        "caption": reader("text", (16,)),
        "numbers": reader("vector", (3,), columns=("f0", "f1", "f2")),
        "one": reader("vector", (3,)),
    }
    made = builder(dict.fromkeys(readers, (4, 4)), readers)
    assert written(made, tmp_path) == {
        "file": "photo.png",
        "sound": "sound.wav",
        "story": "story.txt",
        "caption": "some words",
        "f0": 0.0,
        "f1": 0.0,
        "f2": 0.0,
        "one": [0.0, 0.0, 0.0],
    }


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
def test_every_kind_of_file_has_an_ending(kind: str) -> None:
    assert example.ENDINGS[kind].startswith(".")
