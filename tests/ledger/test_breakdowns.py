"""What stands behind scores, read from the outputs that a ledger holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmbench.cli.project import Loaded
from mmbench.ledger import breakdowns as module
from mmbench.ledger.breakdowns import breakdowns
from mmbench.ledger.store import Ledger
from tests.ledger.test_files import files, outputs, write
from tests.support import small_project


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return small_project.read(small_project.make(tmp_path_factory.mktemp("breakdowns")))


def test_of_each_method_the_first_seeds_are_read_once(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, made = Ledger(tmp_path / "ledger"), [files(loaded, i) for i in range(4)]
    trials = [write(ledger, m) for m in made]
    results = {m.result.trial_id: m.result for m in made}
    asked = {"small": {"one": trials, "two": trials[:1], "none": ["0" * 16]}}
    found = breakdowns(ledger, results, asked)
    assert list(found["small"]) == ["one", "two"]
    one = found["small"]["one"]
    assert one.runs == module.SEEDS and one.names == ("t0", "t1") and one.matrix is not None
    kept = outputs()
    right = int((kept.predictions("test").argmax(-1) == kept.labels("test")).sum())
    assert one.matrix[0][0] + one.matrix[1][1] == module.SEEDS * right
    assert np.sum(one.matrix) == module.SEEDS * 20 and found["small"]["two"].runs == 1

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(module, "_read", never)
    assert breakdowns(ledger, results, asked) == found


def test_outputs_that_cannot_be_read_cost_nothing_else(loaded: Loaded, tmp_path: Path) -> None:
    ledger, made = Ledger(tmp_path / "ledger"), [files(loaded, i) for i in range(2)]
    trials = [write(ledger, m) for m in made]
    ledger.outputs_file(trials[0]).write_bytes(b"broken")
    first, second = (m.result for m in made)
    assert first.outputs is not None
    # Otherwise the cache would know what the bytes gave that the file should hold.
    other = first.model_copy(update={"outputs": first.outputs.model_copy(update={"sha256": "1" * 64})})
    old = first.model_copy(update={"outputs": None})
    found = breakdowns(ledger, {trials[0]: other, trials[1]: second}, {"small": {"a": trials[:1], "b": trials[1:]}})
    assert list(found["small"]) == ["b"]
    assert breakdowns(ledger, {trials[0]: old}, {"small": {"a": trials[:1]}}) == {}
