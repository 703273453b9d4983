"""reports/paper in real two-column classes: everything compiles, nothing sticks out, every font is embedded."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.draw.sheet import COLUMN, PAGE, TALL
from mmbench.report.export import export, export_paper
from mmbench.report.pages.report import Report
from mmbench.schema.result import State
from tests.support.cost_curves import example
from tests.support.factory import OTHERS, TRUTHS, large, make

pytestmark = pytest.mark.slow

NASTY = r"50 % of $a_1^2$ & #3 ~ {b} <i>|`q`| \"b\" [c] *d* – … ± × é ß Ω 中文 \\"
CLASSES = {
    "article": r"\documentclass[twocolumn]{article}",
    "IEEEtran": r"\documentclass[journal]{IEEEtran}",
    "IEEEtran, conference": r"\documentclass[conference]{IEEEtran}",
    # Without the fonts of the class, which many machines lack, microtype has bitmaps to stretch.
    "acmart": r"\PassOptionsToPackage{expansion=false}{microtype}\documentclass[sigconf,nonacm]{acmart}",
}


def default() -> Report:
    """As the default project: two data sets that share a scale."""
    truths = {n: TRUTHS[n] for n in ("redundant", "unique")}
    return analyse(**make(truths=truths, seeds=4, noise=0.006).arguments(), profiles=(example(),))


def mixed() -> Report:
    """Data sets with an error among them, foreign text, trials that failed."""
    truths = {"unique": TRUTHS["unique"], "rating": OTHERS["rating"], "mood": OTHERS["mood"]}
    made = make(truths=truths, seeds=3, noise=0.006, faults={0: State.FAILED, 4: State.SKIPPED})
    spec = made.specs["unique"].model_copy(update={"description": NASTY, "source": NASTY, "citation": NASTY})
    return analyse(**replace(made, specs=made.specs | {"unique": spec}).arguments())


def wide() -> Report:
    """17 attentions, 17 fusions and 6 architectures."""
    return analyse(**large(truths={"synergy": TRUTHS["synergy"]}).arguments())


MADE = {"default": default, "mixed": mixed, "wide": wide}


@pytest.fixture(scope="module", params=list(MADE))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    files = export_paper(MADE[request.param](), folder)
    assert {"paper/numbers.tex", "paper/methods.tex", "paper/references.bib", "paper/example.tex"} <= set(files)
    return folder / "paper"


def compiled(folder: Path, work: Path, head: str) -> str:
    """The last log of the example in this class."""
    shutil.copytree(folder, work)
    text = (work / "example.tex").read_text(encoding="ascii")
    # Uncompressed, so that the sizes of its fonts can be read.
    text = text.replace(CLASSES["article"], f"\\pdfcompresslevel=0\\pdfobjcompresslevel=0 {head}")
    # Every macro once, one a line, so that each is expanded by this class.
    names = re.findall(r"\\newcommand\{(\\\w+)\}", (work / "numbers.tex").read_text(encoding="ascii"))
    used = "\n\n".join(f"{name}{{}} and" for name in names[:: max(1, len(names) // 200)])
    (work / "example.tex").write_text(
        text.replace("\\bibliographystyle", f"{used}\n\\bibliographystyle"), encoding="ascii"
    )
    log = ""
    for step in ("pdflatex", "bibtex", "pdflatex", "pdflatex"):
        options = [] if step == "bibtex" else ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
        name = "example" if step == "bibtex" else "example.tex"
        done = subprocess.run([step, *options, name], cwd=work, capture_output=True, timeout=240, check=False)
        log = done.stdout.decode(errors="replace")
        lacks = re.search(r"File `(\S+)' not found", log)
        if lacks and "acmart" in head:
            pytest.skip(f"acmart needs {lacks[1]}, which is not installed (Debian: texlive-latex-extra)")
        assert done.returncode == 0, log[-3000:]
        assert step != "bibtex" or "Warning" not in log, log
    return log


@pytest.mark.parametrize("name", list(CLASSES))
def test_everything_compiles_in_two_columns(folder: Path, tmp_path: Path, name: str) -> None:
    if shutil.which("pdflatex") is None or shutil.which("bibtex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base, texlive-latex-recommended)")
    needed = f"{name.split(',')[0]}.cls"
    if not subprocess.run(["kpsewhich", needed], capture_output=True, text=True, check=False).stdout.strip():
        pytest.skip(f"{needed} is not installed (Debian: texlive-publishers)")
    log = compiled(folder, tmp_path / "work", CLASSES[name])
    assert not re.findall(r"Overfull \\[hv]box.*", log)
    assert not re.findall(r"(?:Citation|Reference) .* undefined|Float too large.*", log)
    if name == "article":
        # Figures keep their own streams, which another test reads.
        sizes = {float(x) for x in re.findall(rb"/F\d+ ([\d.]+) Tf", (tmp_path / "work" / "example.pdf").read_bytes())}
        assert sizes and min(sizes) >= 6 * 72 / 72.27 - 0.01, sizes
    if shutil.which("pdffonts") is not None:
        fonts = subprocess.run(
            ["pdffonts", "example.pdf"], cwd=tmp_path / "work", capture_output=True, text=True, check=True
        )
        rows = fonts.stdout.splitlines()[2:]
        assert rows and all(re.search(r" yes (?:yes|no) ", row) for row in rows), fonts.stdout
        assert "Type 3" not in fonts.stdout or name == "acmart"


def test_figures_are_one_or_two_columns_wide_and_legible(folder: Path) -> None:
    figures = sorted(folder.glob("*.pdf"))
    assert {"figure1", "figure1_column", "figure2", "figure2_column"} <= {f.stem for f in figures}
    for figure in figures:
        raw = figure.read_bytes()
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", raw)
        assert box is not None
        width, height = (float(x) / 72 for x in box.groups())
        assert width in (COLUMN, PAGE) and height <= TALL, (figure.name, width, height)
        assert (width == COLUMN) == figure.stem.endswith("_column")
        streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", raw, re.DOTALL)
        text = b"\n".join(_plain(s) for s in streams)
        sizes = {float(x) for x in re.findall(rb"/F\d+ ([\d.]+) Tf", text)}
        assert sizes and min(sizes) >= 6 and max(sizes) <= 8, (figure.name, sizes)
        assert b"/FontFile2" in raw and b"/Type3" not in raw and b"CreationDate" not in raw


def _plain(stream: bytes) -> bytes:
    """Decompressed as far as it goes: its last byte may be one that ends a line."""
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def test_figures_have_names_as_people_read_them_and_a_caption(folder: Path) -> None:
    for figure in folder.glob("*.pdf"):
        caption = figure.with_suffix(".txt").read_text(encoding="utf-8").strip()
        assert caption.endswith(".") and caption[0].isupper() and "_" not in caption, caption
        assert len(caption) > 60
        if shutil.which("pdftotext") is not None:
            text = subprocess.run(["pdftotext", str(figure), "-"], capture_output=True, text=True, check=True).stdout
            assert text.strip() and not re.findall(r"\w*(?:scaled_dot|cross_att|early_con|kernel_svm)\w*", text), figure


def test_on_request_the_same_bytes_and_nothing_else(tmp_path: Path) -> None:
    whole, some = tmp_path / "whole", tmp_path / "some"
    export(default(), whole)
    files = export_paper(default(), some)
    assert {p.name for p in some.iterdir()} == {"paper"}
    assert {f"paper/{p.name}" for p in (some / "paper").iterdir()} == set(files)
    for name in files:
        here, there = ((f / name).read_bytes() for f in (whole, some))
        assert hashlib.sha256(here).digest() == hashlib.sha256(there).digest(), name


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_names_longer_than_a_page_is_wide_cost_a_table_and_not_the_folder(tmp_path: Path) -> None:
    long = "an_attention_whose_name_goes_on_" * 3 + "and_on_and_on"
    levels = {"attention": ["mean", long], "fusion": ["concat", "early_concat"], "architecture": ["shared", "hybrid"]}
    report = analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=levels, seeds=2).arguments())
    files = export_paper(report, tmp_path)
    assert not report.failures
    assert "paper/example.tex" in files and "paper/table-matrix-synergy.tex" not in files
    assert "matrix" not in (tmp_path / "paper" / "example.tex").read_text(encoding="ascii")


def test_before_the_first_result_there_is_an_empty_folder(tmp_path: Path) -> None:
    made = make(truths={"synergy": TRUTHS["synergy"]}, faults=dict.fromkeys(range(200), State.PENDING))
    assert export_paper(analyse(**made.arguments()), tmp_path) == ()
    assert (tmp_path / "paper").is_dir() and not list((tmp_path / "paper").iterdir())
