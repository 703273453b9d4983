"""The exports that papers take: LaTeX compiles whatever the names hold, figures parse, Markdown has no broken link."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from mmbench.report.draw import latex
from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.export import export
from mmbench.report.pages import markdown
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.values import titles
from mmbench.schema.result import State
from tests.support.factory import TRUTHS, make

from .test_build import analysed

pytestmark = pytest.mark.slow

NASTY = (
    r"\input{x} 50 % of $a_1^2$ & #3 ~ {b} <i>|`q`| 'a' \"b\" [c] *d* – — … ± × "
    r"é ü ñ č å ß Ω λ 中文 👍 -- \\ \end{longtable}"
)


@pytest.fixture(scope="module")
def analysis() -> Report:
    truths = {n: TRUTHS[n] for n in ("unique", "synergy")}
    made = make(truths=truths, seeds=4, noise=0.006, faults={0: State.FAILED, 4: State.SKIPPED})
    results = {k: r if r.message is None else r.model_copy(update={"message": NASTY}) for k, r in made.results.items()}
    spec = made.specs["unique"].model_copy(update={"description": NASTY, "source": NASTY, "notes": (NASTY,)})
    return analysed(replace(made, results=results, specs=made.specs | {"unique": spec}))


@pytest.fixture(scope="module")
def folder(analysis: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "report.html").write_text(render(analysis, downloads=export(analysis, folder)), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_all_tables_compile_in_one_document(folder: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base and texlive-latex-recommended)")
    work = folder / "tables"
    names = {f.stem for f in work.glob("*.tex")} - {"all"}
    assert set(re.findall(r"\\input\{(.*)\.tex\}", (work / "all.tex").read_text())) == names
    for _ in range(3):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"],
            cwd=work,
            capture_output=True,
            timeout=60,
        )
        log = done.stdout.decode(errors="replace")
        assert done.returncode == 0, log[-2000:]
    assert (work / "all.pdf").stat().st_size > 20_000
    assert not re.search(r"LaTeX Warning: (Reference|Label|Character)", log)
    wide = [float(x) for x in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0) < 20, "a table runs out of the page"


def test_the_best_row_is_bold_and_what_is_equal_or_open_is_marked(analysis: Report, folder: Path) -> None:
    marked = {"equal": (r"$\bullet$", "•"), "open": (r"$\circ$", "◦")}
    assert {r.verdict for d in analysis.context.datasets for r in d.cells if not r.best} >= {"worse", *marked}
    for d in analysis.context.datasets:
        lines = (folder / "tables" / f"cells_{d.name}.tex").read_text().splitlines()
        rows = [line for line in lines if line.endswith(r"\\") and "&" in line]
        bold = [line for line in rows if r"\textbf{" in line]
        assert len(bold) == 1 and latex.escape(titles.titled(str(d.best))) in bold[0] and r"$\star$" in bold[0]
        text = (folder / "tables" / f"cells_{d.name}.md").read_text()
        assert text.count(f"| **{md.escape(titles.titled(str(d.best)))}** |") == 1
        caption = next(line for line in lines if r"\caption" in line)
        for verdict, (in_latex, in_markdown) in marked.items():
            keys = [titles.method(r.method) for r in d.cells if r.verdict == verdict and not r.best]
            found = [line for line in rows if in_latex in line]
            assert len(found) == len(keys) and text.count(f" {in_markdown} |") == len(keys)
            assert all(any(f"& {latex.escape(k)} &" in line for k in keys) for line in found)
            assert (in_latex in caption) == bool(keys), "what a mark means is said where it is used"


def test_whatever_the_text_the_latex_is_ascii_and_nothing_is_lost() -> None:
    assert latex.escape(NASTY).isascii()
    assert latex.escape("中") == "{[}U+4E2D{]}"
    assert latex.escape("é č Ω") == r"\'{e} \v{c} $\Omega$"
    assert latex.escape("a_b\\c") == r"a\_b\textbackslash{}c"
    assert latex.escape("−1.0 ± 0.2") == r"$-$1.0 $\pm$ 0.2"


def test_every_figure_is_an_svg_that_parses_and_a_pdf(folder: Path) -> None:
    names = {f.stem for f in (folder / "figures").iterdir()}
    assert {"top", "marginal_means", "heatmap_synergy", "pareto_unique", "curves_synergy"} <= names
    for name in names:
        root = ElementTree.parse(folder / "figures" / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert next(root.iter("{http://www.w3.org/2000/svg}path"), None) is not None
        pdf = (folder / "figures" / f"{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
        assert b"CreationDate" not in pdf and b"DejaVuSans" in pdf and b"/Type3" not in pdf


@pytest.mark.exhaustive
def test_the_bytes_do_not_depend_on_hashes_time_zone_or_locale(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.support.factory import *\n"
        "from mmbench.report.build import analyse; from mmbench.report.export import export\n"
        "made = make(truths={'synergy': TRUTHS['synergy']}, levels={'attention': ['mean', 'additive'],\n"
        "    'fusion': ['concat'], 'architecture': ['shared', 'hybrid']})\n"
        "export(analyse(**made.arguments()), Path(sys.argv[1]))"
    )
    found = []
    for seed, zone, locale in (("1", "UTC", "C"), ("2", "Asia/Tokyo", "C.UTF-8")):
        out = tmp_path / seed
        env = os.environ | {
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": locale,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        subprocess.run([sys.executable, "-c", code, str(out)], env=env, check=True, timeout=120)
        files = sorted(f for f in out.rglob("*") if f.is_file())
        found.append({str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files})
    assert found[0] == found[1] and any(name.endswith(".pdf") for name in found[0])


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Links and images of a Markdown text, as a code host finds them; and everything that would be HTML."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        for part in (token, *(token.children or ())):
            if part.type == "link_open":
                yield "link", str(part.attrs["href"])
            elif part.type == "image":
                yield "image", str(part.attrs["src"])
            elif part.type in ("html_block", "html_inline"):
                yield "html", part.content


def test_no_link_and_no_image_of_the_markdown_is_broken(folder: Path) -> None:
    for file in (folder / "report.md", *(folder / "tables").glob("*.md")):
        found = list(_tokens(file.read_text(encoding="utf-8")))
        assert not [x for kind, x in found if kind == "html"], file
        for _, target in found:
            assert (file.parent / target).is_file(), f"{file.name}: {target}"
    found = list(_tokens((folder / "report.md").read_text(encoding="utf-8")))
    assert sum(kind == "image" for kind, _ in found) >= 8
    linked = {target for _, target in found}
    files = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.parent.name in ("tables", "figures")}
    files = {f for f in files if Path(f).suffix in (".csv", ".md", ".tex", ".svg") or f.startswith("figures/")}
    assert files <= linked, "every file is linked"


def test_foreign_text_is_text_in_markdown(folder: Path) -> None:
    shown = MarkdownIt("gfm-like", {"linkify": False}).render((folder / "report.md").read_text(encoding="utf-8"))
    plain = re.sub(r"<[^>]+>", "", shown).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    assert NASTY in plain.replace("&amp;", "&")
    assert "<i>" not in shown and "<code>q" not in shown


def test_every_table_of_the_markdown_is_one(analysis: Report, folder: Path) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse((folder / "report.md").read_text(encoding="utf-8"))
    assert sum(t.type == "table_open" for t in tokens) == len(analysis.tables)
    assert sum(t.type == "heading_open" and t.tag == "h1" for t in tokens) == 1


def test_a_large_table_is_cut_in_the_report_and_whole_beside_it() -> None:
    shown = pd.DataFrame({"method": [f"m{i}" for i in range(500)], "x": ["1"] * 500})
    large = Table(name="cells_x", caption="c", raw=shown, shown=shown, numeric=("x",))
    assert md.whole(large).count("\n") == 502
    assert len(list(md.table_lines(large, markdown.MOST))) == markdown.MOST + 2


def test_a_partial_ranking_says_so_in_its_caption() -> None:
    whole = {t.name: t.caption for t in analysed(make(truths={"synergy": TRUTHS["synergy"]})).tables}
    assert "partial" not in whole["cells_synergy"]
    made = make(truths={"synergy": TRUTHS["synergy"]}, faults=dict.fromkeys(range(20, 27), State.PENDING))
    partial = {t.name: t.caption for t in analysed(made).tables}
    assert partial["cells_synergy"].endswith("partial: 7 combinations of 27 not complete and so not ranked")
