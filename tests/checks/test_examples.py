"""The variants that CONTRIBUTING shows work word for word."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import mmbench
from tests.support.examples import example


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axis", "name"), [("attention", "Temperature"), ("fusion", "Maximum"), ("architecture", "OwnReadOut")]
)
def test_it_keeps_the_contract(axis: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, source = example(axis)
    path = tmp_path / Path(file).name
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    mmbench.check(getattr(module, name))
