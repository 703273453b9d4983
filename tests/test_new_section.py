"""A section of the report is one new folder: CONTRIBUTING's own example, word for word, and nothing else is edited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from mmbench.ledger.store import Ledger
from mmbench.report.values import titles
from tests.support.clone import ROOT
from tests.support.project_clone import GrowingClone, finish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CODE = re.compile(r"`(?P<file>mmbench/report/sections/\w+/__init__\.py)`:\n\n```python\n(?P<source>.*?)```", re.DOTALL)


class Grown(GrowingClone):
    def __init__(self, folder: Path, finished: Path) -> None:
        super().__init__(folder, finished)
        example = CODE.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
        assert example is not None, "CONTRIBUTING shows no section"
        self.file, self.source = example["file"], example["source"]
        self.reports = self.project / "reports"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    made = Grown(tmp_path_factory.mktemp("section"), finish(tmp_path_factory))
    assert "Best epochs" not in (made.reports / "report.html").read_text(encoding="utf-8")
    before = made.trained()
    (made.folder / made.file).parent.mkdir()
    made.add(made.file, made.source)
    yield made
    assert made.changed() == [f"?? {made.file}"], "one new folder, and no other edit"
    assert made.trained() == before, "nothing is trained again"


def test_its_numbers_are_in_page_markdown_and_csv(grown: Grown) -> None:
    grown.stage("pipeline.report")
    ledger = Ledger(grown.project / "data" / "ledger").read().values()
    epochs: dict[tuple[str, str], list[int]] = {}
    for result in ledger:
        if result.best_epoch is not None:
            epochs.setdefault((result.config.dataset, result.config.cell), []).append(result.best_epoch + 1)
    expected = {key: float(pd.Series(values).median()) for key, values in epochs.items()}
    table = pd.read_csv(grown.reports / "tables" / "epochs.csv")
    assert {(r.dataset, r.method): r.best_epoch for r in table.itertuples()} == expected
    page = (grown.reports / "report.html").read_text(encoding="utf-8")
    assert '<a href="#epochs">Best epochs</a>' in page
    (section,) = re.findall(r'<section id="epochs">(.*?)</section>', page, re.DOTALL)
    assert section.count("<tr>") == 1 + len(expected)
    markdown = (grown.reports / "report.md").read_text(encoding="utf-8")
    part = markdown.split("## Best epochs")[1].split("\n## ")[0]
    for (dataset, method), epoch in expected.items():
        assert f"| {dataset} | {titles.titled(method)} | {epoch:g} |" in part
        assert re.search(rf'<td class="num">{epoch:g}</td>', section)
    assert (grown.reports / "tables" / "epochs.tex").is_file()


@pytest.mark.exhaustive
def test_one_that_raises_is_reported_and_the_rest_is_made(grown: Grown) -> None:
    file = grown.folder / grown.file
    grown.stage("pipeline.report")
    csv = (grown.reports / "tables" / "coverage.csv").read_bytes()
    file.write_text(grown.source.replace("rows = record", 'raise ValueError("no such <luck>")\n        rows = record'))
    try:
        code = "import runpy; runpy.run_module('pipeline.report', run_name='__main__')"
        done = grown.run("python", "-c", f"import os; os.chdir({str(grown.project)!r}); {code}")
    finally:
        file.write_text(grown.source, encoding="utf-8")
    assert done.returncode == 0
    assert "section epochs of the report failed" in done.stderr and "ValueError: no such <luck>" in done.stderr
    assert "Traceback" not in done.stderr
    page = (grown.reports / "report.html").read_text(encoding="utf-8")
    assert "The section “Best epochs” failed" in page and "ValueError: no such &lt;luck&gt;" in page
    assert "## Best epochs" in (grown.reports / "report.md").read_text(encoding="utf-8")
    assert not (grown.reports / "tables" / "epochs.csv").exists()
    assert (grown.reports / "tables" / "coverage.csv").read_bytes() == csv


@pytest.mark.exhaustive
def test_one_that_cannot_be_imported_is_reported(grown: Grown) -> None:
    file = grown.folder / grown.file
    file.write_text("import nothing_of_that_name\n", encoding="utf-8")
    try:
        code = "import runpy; runpy.run_module('pipeline.report', run_name='__main__')"
        done = grown.run("python", "-c", f"import os; os.chdir({str(grown.project)!r}); {code}")
    finally:
        file.write_text(grown.source, encoding="utf-8")
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert "cannot be imported (ModuleNotFoundError: No module named 'nothing_of_that_name')" in done.stderr
    assert "cannot be imported" in (grown.reports / "report.html").read_text(encoding="utf-8")
