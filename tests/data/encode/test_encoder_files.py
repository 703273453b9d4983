"""Where encoders come from: folders, the hub and its cache; what is refused, and in which words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from mmbench.data.decode.factory import decoder
from mmbench.data.encode.files import find
from mmbench.errors import UserError
from tests.support import tiny_encoders

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoders.Folders(tmp_path_factory.mktemp("encoders")).bert


def refused(folder: Path | str, kind: str = "text", **options: object) -> str:
    cells = ["the cat"] if kind == "text" else []
    with pytest.raises(UserError) as error:
        made = decoder(kind, {"encoder": str(folder), **options}, where="columns.x")
        made.model if not cells else made.fit(cells)  # type: ignore[attr-defined]
    return str(error.value)


def changed(bert: Path, tmp_path: Path, **settings: object) -> Path:
    """A copy with other settings in its config.json."""
    folder = shutil.copytree(bert, tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))
    return folder


class Bomb:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.file),)


def pickled(folder: Path, name: str, mark: Path) -> None:
    """Weights as a pickle that makes a folder when it is read."""
    torch.save({"embeddings": Bomb(mark)}, folder / name)


def test_pickled_weights_are_never_read(bert: Path, tmp_path: Path) -> None:
    folder, mark = shutil.copytree(bert, tmp_path / "bert"), tmp_path / "executed"
    (folder / "model.safetensors").unlink()
    assert "no model.safetensors" in refused(folder)
    pickled(folder, "pytorch_model.bin", mark)
    said = refused(folder)
    assert "pytorch_model.bin" in said and "save_pretrained" in said
    # Nor as a part that an index names, nor as what the settings name.
    for shard in ("pytorch_model.bin", "../model-1.safetensors", "model-1.bin"):
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
        assert shard in refused(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    assert "missing" in refused(folder)
    pickled(folder, "adapter_model.bin", mark)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_weights": "adapter_model.bin"}))
    assert "transformers_weights" in refused(folder)
    assert not mark.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists(), "the bomb is none"


def test_code_that_comes_with_an_encoder_is_not_run(bert: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    auto = {"AutoConfig": "theirs.Config", "AutoModel": "theirs.Model", "AutoTokenizer": ["theirs.Tokenizer", None]}
    folder = changed(bert, tmp_path, model_type="theirs", auto_map=auto)
    (folder / "theirs.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    assert "cannot be loaded as one of text" in refused(folder)
    assert not mark.exists()


def test_weights_that_are_missing_are_not_made_up(bert: Path, tmp_path: Path) -> None:
    folder = tiny_encoders.copy(bert, tmp_path / "bert", drop="encoder.layer.1")
    said = refused(folder)
    assert "lacks 16 of the weights" in said and "encoder.layer.1." in said


def test_an_encoder_of_another_kind_is_told(bert: Path) -> None:
    assert "no encoder of image, but one of text" in refused(bert, "image")
    assert "no encoder of audio, but one of text" in refused(bert, "audio")
    assert "text, image, audio, video" in refused(bert, "vector")


def test_broken_files_are_told(bert: Path, tmp_path: Path) -> None:
    for i, (name, data) in enumerate(
        [("config.json", b"{"), ("config.json", b"[]"), ("model.safetensors", b"\xff" * 40), ("tokenizer.json", b"{}")]
    ):
        folder = shutil.copytree(bert, tmp_path / str(i))
        (folder / name).write_bytes(data)
        assert str(folder) in refused(folder)
    (folder / "config.json").unlink()
    assert "has no config.json" in refused(folder)
    assert "cannot be loaded" in refused(changed(bert, tmp_path, hidden_size="wide"))


def test_options_are_checked(bert: Path) -> None:
    assert "did you mean 'tokens'" in refused(bert, token=3)
    assert "'tokens'" in refused(bert, tokens=0)
    assert "unknown option 'frames'" in refused(bert, frames=3)
    assert "leave `revision` out" in refused(bert, revision="main")


def test_without_the_extra_it_is_told(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(bert, tmp_path / "bert")
    for name in ("transformers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    for encoder in (str(folder), "owner/name"):
        assert "pip install 'huggingface-hub>=1' 'transformers>=5'" in refused(encoder)


def test_a_folder_is_known_by_its_content(bert: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bert, tmp_path / "moved")
    assert find(str(moved), None).identity == find(str(bert), None).identity
    (moved / "notes.md").write_text("not part of it")
    assert find(str(moved), None).identity == find(str(bert), None).identity
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    assert find(str(moved), None).identity != find(str(bert), None).identity


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as fetching one public encoder, `acme/tiny`, takes."""

    folder: Path
    fetched: list[str]

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, body: bool = True) -> None:
        path = self.path.split("?")[0]
        files = {p.name: p for p in self.folder.iterdir()}
        head = f"/acme/tiny/resolve/{COMMIT}/"
        if path in ("/api/models/acme/tiny/revision/main", f"/api/models/acme/tiny/revision/{COMMIT}"):
            self._send(json.dumps({"id": "acme/tiny", "sha": COMMIT}).encode())
        elif path == f"/api/models/acme/tiny/tree/{COMMIT}":
            tree = [{"type": "file", "path": n, "size": p.stat().st_size, "oid": n} for n, p in files.items()]
            # Listed but not served: asking for it fails the test.
            tree.append({"type": "file", "path": "onnx/config.json", "size": 2, "oid": "x"})
            self._send(json.dumps(tree).encode())
        elif path.startswith(head) and path.removeprefix(head) in files:
            name = path.removeprefix(head)
            if body:
                self.fetched.append(name)
            self._send(files[name].read_bytes(), body, {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT})
        elif path.startswith("/api/models/acme/tiny"):
            self._send(b"{}", body, {"X-Error-Code": "RevisionNotFound"}, 404)
        elif path.startswith("/api/models/acme/gated"):
            self._send(b"{}", body, {"X-Error-Code": "GatedRepo"}, 403)
        else:
            self._send(b"{}", body, {"X-Error-Code": "RepoNotFound"}, 404)

    def _send(self, data: bytes, body: bool = True, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def hub(folder: Path) -> Iterator[tuple[str, list[str]]]:
    fetched: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHub", (Hub,), {"folder": folder, "fetched": fetched}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", fetched
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ASK = """
import json, sys
from mmbench.data.encode.files import find
from mmbench.errors import UserError

for name, revision in json.loads(sys.argv[1]):
    try:
        found = find(name, revision)
        print(json.dumps([found.identity, sorted(p.name for p in found.folder.iterdir())]))
    except UserError as error:
        print(json.dumps(str(error)))
"""


def ask(home: Path, *asked: tuple[str, str | None], **environment: str) -> list[object]:
    """In a process of its own, since the hub's client reads its settings once."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
    ran = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(asked)],
        env={**clean, "HF_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_an_encoder_of_the_hub_is_fetched_once_and_then_found_offline(bert: Path, tmp_path: Path) -> None:
    folder, home = shutil.copytree(bert, tmp_path / "served"), tmp_path / "home"
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "theirs.py").write_text("print('code')")
    safe = sorted(p.name for p in bert.iterdir())
    with hub(folder) as (address, fetched):
        online = ask(
            home,
            ("acme/tiny", None),
            ("acme/tiny", COMMIT),
            ("acme/tiny", "f" * 40),
            ("acme/gated", None),
            ("acme/tinny", None),
            HF_ENDPOINT=address,
        )
    assert online[:2] == [[COMMIT, safe]] * 2
    assert sorted(fetched) == safe, "each once, and neither pickles nor code"
    revision, gated, misspelt = map(str, online[2:])
    assert "revision 'ffff" in revision and "is not on the hub" in revision
    assert "is gated" in gated and "hf auth login" in gated
    assert "'acme/tinny' is not on the hub" in misspelt and "did you mean 'acme/tiny'?" in misspelt

    offline = ask(
        home,
        ("acme/tiny", None),
        ("acme/tiny", COMMIT),
        ("acme/other", None),
        ("../escape/x", None),
        HF_HUB_OFFLINE="1",
    )
    assert offline[:2] == [[COMMIT, safe]] * 2
    assert "HF_HUB_OFFLINE is set" in str(offline[2]) and "hf download acme/other" in str(offline[2])
    assert "neither a folder nor a name" in str(offline[3])


@pytest.mark.slow
def test_a_hub_that_does_not_answer_is_told(tmp_path: Path) -> None:
    # A branch: for a commit the hub's client tries again for half a minute.
    (said,) = ask(tmp_path, ("acme/tiny", "v1"), HF_ENDPOINT="http://127.0.0.1:9")
    assert "cannot be downloaded" in str(said) and "hf download acme/tiny --revision v1" in str(said)
