"""docs/paper.md as written: its LaTeX compiles beside a copy of the folder, and every file it names is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export_paper
from tests.support.factory import TRUTHS, make

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "paper.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    truths = {name: TRUTHS[name] for name in ("redundant", "unique")}
    export_paper(analyse(**make(truths=truths, seeds=4, noise=0.006).arguments()), folder)
    return folder / "paper"


def test_every_file_and_every_macro_that_the_page_names_is_there(folder: Path) -> None:
    files = {p.name for p in folder.iterdir()}
    rows = [
        line.split("|")[1]
        for line in TEXT.split("## What is in the folder")[1].split("##")[0].splitlines()[4:]
        if "|" in line
    ]
    named = {name.replace("DATASET", "unique") for row in rows for name in re.findall(r"`([\w.-]+)`", row)}
    stems = {Path(f).stem for f in files}
    assert len(named) >= 12 and not {n for n in named - {".pdf", "FIGURE.txt"} if n not in files and n not in stems}
    macros = set(re.findall(r"\\newcommand\{(\\mmb\w+)\}", (folder / "numbers.tex").read_text(encoding="ascii")))
    assert set(re.findall(r"\\mmb\w+", TEXT)) <= macros


def test_the_recipe_compiles(folder: Path, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None or shutil.which("bibtex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base, texlive-latex-recommended)")
    shutil.copytree(folder, tmp_path / "paper")
    preamble, body = re.findall(r"```latex\n(.*?)```", TEXT, re.DOTALL)
    document = f"\\documentclass[twocolumn]{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    document = "\n".join(line.removeprefix("   ") for line in document.splitlines())
    (tmp_path / "own.tex").write_text(document.replace("figure1_column.txt", "the caption"), encoding="ascii")
    log = ""
    for step in ("pdflatex", "bibtex", "pdflatex", "pdflatex"):
        words = [step, "own"] if step == "bibtex" else [step, "-interaction=nonstopmode", "-halt-on-error", "own"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=200, check=False)
        log = done.stdout.decode(errors="replace")
        assert done.returncode == 0, log[-2000:]
    assert not re.findall(r"(?:Citation|Reference) .* undefined", log)


def test_the_example_compiles_with_the_command_of_the_page(folder: Path, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None or shutil.which("bibtex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base, texlive-latex-recommended)")
    shutil.copytree(folder, tmp_path / "reports" / "paper")
    (command,) = re.findall(r"```bash\n(cd reports/paper .*?)\n```", TEXT)
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "reports" / "paper" / "example.pdf").stat().st_size > 100_000
