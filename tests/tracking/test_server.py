"""Two servers that are started at once: each has a port of its own, and answers for its own project."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmbench.schema.params import Tracking
from mmbench.tracking import open_store, server
from mmbench.tracking.server import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_port_that_another_server_takes_meanwhile_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    first = server.free_port("127.0.0.1", None)
    answers = iter([first, first])
    found = server.free_port
    # Both find the same port free, as where two people start at once.
    monkeypatch.setattr(server, "free_port", lambda host, port: next(answers, None) or found(host, port))

    def served(name: str) -> Server:
        root = tmp_path / name
        root.mkdir()
        made = serving(open_store(Tracking(enabled=True, experiment=name), root), root)
        kept.append(made)
        return made.__enter__()

    kept: list = []  # type: ignore[type-arg]
    try:
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(served, ("one", "other"))
        assert one.url != other.url and f"http://127.0.0.1:{first}" in (one.url, other.url)
        for made in (one, other):
            assert server._listens(made.process, int(made.url.rsplit(":", 1)[1]))
    finally:
        for made in kept:
            made.__exit__(None, None, None)
