"""What has passed is run again when, and only when, something that its outcome depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.registry import variants
from mmbench.source import modules
from tests.support import passed as module
from tests.support.passed import Passed

TEST = "tests.training.test_all_cells"
CELL = "additive concat shared"
VARIANTS = [variants("attention")["additive"].module, variants("fusion")["concat"].module]


def test_only_the_cell_that_passed_is_known(tmp_path: Path) -> None:
    first = Passed(tmp_path, TEST)
    assert not first.before(CELL, VARIANTS)
    first.note(CELL, VARIANTS)
    again = Passed(tmp_path, TEST)
    assert again.before(CELL, VARIANTS)
    assert not again.before("additive concat hybrid", VARIANTS)
    assert not Passed(tmp_path, "tests.checks.test_distinct").before(CELL, VARIANTS), "of another test"
    nothing = Passed(None, TEST)
    nothing.note(CELL, VARIANTS)
    assert not nothing.before(CELL, VARIANTS)


def test_another_source_or_version_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Passed(tmp_path, TEST)
    known.note(CELL, VARIANTS)
    assert not known.before(CELL, VARIANTS[:1]), "of other variants"
    with monkeypatch.context() as patch:
        patch.setattr(module, "MACHINE", "another PyTorch")
        assert not known.before(CELL, VARIANTS)
    assert known.before(CELL, VARIANTS)
    file = next(f for f in tmp_path.rglob("*") if f.is_file())
    file.write_text(file.read_text()[:20])
    assert not known.before(CELL, VARIANTS), "cut short"


def test_what_a_cell_reaches_is_part_of_it() -> None:
    found = frozenset[str]().union(*(modules.reachable(m) for m in [TEST, *VARIANTS]))
    expected = {"mmbench.model.build", "mmbench.model.block", "mmbench.model.masking", "mmbench.training.loop"}
    expected |= {"mmbench.training.objective", "mmbench.attention.additive", "mmbench.fusion.concat"}
    expected |= {"mmbench.schema.params", "mmbench.registry", TEST, "tests.support.small", "tests.support.passed"}
    assert expected <= found
    assert "mmbench.fusion.tensor" not in found, "other cells' variants are not"
