"""The examples of CONTRIBUTING, which tests use word for word."""

from __future__ import annotations

import re

from tests.support.clone import ROOT

CODE = re.compile(r"`(?P<file>mmbench/[\w/]+\.py)`:\n\n```python\n(?P<source>.*?)```", re.DOTALL)


def example(package: str) -> tuple[str, str]:
    """File and source of the example in that folder of mmbench."""
    found = {m["file"]: m["source"] for m in CODE.finditer((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))}
    files = [file for file in found if file.startswith(f"mmbench/{package}/")]
    assert len(files) == 1, f"CONTRIBUTING shows {len(files)} examples of mmbench/{package}"
    return files[0], found[files[0]]
