"""reports/paper: what sections give for papers, and a document that has it all in."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw import latex
from mmbench.report.draw.sheet import COLUMN
from mmbench.report.pages.report import Placed, Report

FLOATS = 5
"""After so many, LaTeX is told to place them: it holds no more than some."""
EXAMPLE = "example.tex"

_HEAD = r"""% Everything of this run in one two-column document, to take from: pdflatex, bibtex, pdflatex twice.
\documentclass[twocolumn]{article}
\usepackage{booktabs, graphicx}
\setlength{\emergencystretch}{3em}
\input{numbers}
"""


def files(report: Report) -> Iterator[tuple[str, str | bytes]]:
    """Name and content. A figure's caption lies beside it as text."""
    texts, figures = report.paper, report.paper_figures
    yield from texts.items()
    for figure in figures:
        yield f"{figure.drawn.name}.pdf", figure.drawn.pdf
        yield f"{figure.drawn.name}.txt", f"{figure.caption}\n"
    if "numbers.tex" in texts:
        yield EXAMPLE, _example(report, [name for name in texts if name.startswith("table-")], figures)


def _example(report: Report, tables: list[str], figures: tuple[Placed, ...]) -> str:
    ordered = sorted(figures, key=lambda f: not f.drawn.name.startswith("figure"))
    floats = [*(_figure(f) for f in ordered), *(f"\\input{{{name.removesuffix('.tex')}}}" for name in tables)]
    body = []
    for i in range(0, len(floats), FLOATS):
        body += [*floats[i : i + FLOATS], "\\clearpage"]
    return "\n".join(
        [
            f"{_HEAD}\\title{{{latex.prose(report.context.experiment)}}}",
            "\\author{}",
            f"\\date{{{report.context.date or ''}}}",
            "\\begin{document}",
            "\\maketitle",
            "\\section{Methods}",
            "\\input{methods}",
            "\\section{Results}",
            f"{latex.prose(report.headline)} {latex.prose(' '.join(report.lead))}",
            *body,
            "\\bibliographystyle{plain}",
            "\\bibliography{references}",
            "\\end{document}\n",
        ]
    )


def _figure(f: Placed) -> str:
    kind, width = ("figure", "\\columnwidth") if f.width <= COLUMN else ("figure*", "\\textwidth")
    return "\n".join(
        [
            f"\\begin{{{kind}}}[t]",
            "\\centering",
            f"\\includegraphics[width={width}]{{{f.drawn.name}.pdf}}",
            f"\\caption{{{latex.prose(f.caption)}}}",
            f"\\label{{fig:mmb-{latex.letters(f.drawn.name)}}}",
            f"\\end{{{kind}}}",
        ]
    )
