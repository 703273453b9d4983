"""Tables as LaTeX for a paper: booktabs and longtable, plain ASCII, compiles with pdfLaTeX as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from mmbench.report.draw.table import Table

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "$": r"$\mathdollar$", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": "{`}",
    "-": "{-}", "[": "{[}", "]": "{]}", "*": "{*}",
    "−": "$-$", "±": r"$\pm$", "·": r"$\cdot$", "×": r"$\times$", "–": "--", "—": "---", "…": r"\dots{}",
    "★": r"$\star$", "•": r"$\bullet$", "◦": r"$\circ$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$",
    "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "∞": r"$\infty$", "✕": r"$\times$", "µ": r"$\mu$",
    "²": "$^2$", "³": "$^3$", "°": r"$^\circ$", "“": "``", "”": "''", "‘": "`", "’": "'", "„": "``",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}",
    "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,",
}  # fmt: skip
"""`[` and `*` right behind a row's end would be its options; `--` would be a dash; the usual dollar is a bitmap
on many machines."""

_ACCENT = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip

_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
_GREEK_ALONE = {"ALPHA", "BETA", "EPSILON", "ZETA", "ETA", "IOTA", "KAPPA", "MU", "NU", "OMICRON", "RHO", "TAU", "CHI"}
"""Capitals that LaTeX has no command for, being Latin letters."""

LONG, WIDE = 40, 0.24
"""Characters beyond which a column breaks its lines, and the share of the line that it then gets."""

_HEAD = r"""% Every table of the report in one document.
% Run pdflatex three times: longtable learns its widths from run to run.
\documentclass{article}
\usepackage[a3paper, landscape, margin=12mm]{geometry}
\usepackage{array, booktabs, longtable}
\setlength{\tabcolsep}{4pt}
\begin{document}
\setlength{\LTcapwidth}{0.9\textwidth}
\footnotesize
"""


def escape(text: object) -> str:
    """Any text as LaTeX, in ASCII. A character that pdfLaTeX's fonts lack is told by its code: [U+4E2D]."""
    return _escaped(str(text))


@lru_cache(maxsize=1 << 15)
def _escaped(text: str) -> str:
    return "".join(map(_character, text))


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c.isascii():
        return c if c.isprintable() else " "
    greek = _GREEK.fullmatch(unicodedata.name(c, ""))
    if greek and not (greek[1] == "CAPITAL" and greek[2] in _GREEK_ALONE) and greek[2] != "OMICRON":
        name = greek[2].replace("LAMDA", "LAMBDA").lower()
        command = name.capitalize() if greek[1] == "CAPITAL" else name
        if name != "final":
            return f"$\\{command}$"
    parts = unicodedata.normalize("NFD", c)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENT:
        base = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0]) if parts[1] != "\u0327" else parts[0]
        return f"\\{_ACCENT[parts[1]]}{{{base}}}"
    return f"{{[}}U+{ord(c):04X}{{]}}"


def label(table: Table) -> str:
    return "tab:" + re.sub(r"[^A-Za-z0-9:_-]", "-", table.name)


def _format(table: Table) -> str:
    """Numbers right; text left, or in a block where it is long."""
    letters = []
    for column in table.shown.columns:
        longest = max((len(text) for text in table.shown[column]), default=0)
        text = f">{{\\raggedright\\arraybackslash}}p{{{WIDE}\\linewidth}}" if longest > LONG else "l"
        letters.append("r" if column in table.numeric else text)
    return "".join(letters)


def table(table: Table) -> str:
    """A longtable with caption and label; needs the packages array, booktabs and longtable. The best rows are bold."""
    shown = table.shown.rename(columns=escape)
    style = shown.style.hide(axis="index").format(escape)
    if table.best:
        style = style.apply(lambda row: ["textbf:--rwrap;"] * len(row), axis=1, subset=(list(table.best), slice(None)))
    text: str = style.to_latex(
        hrules=True,
        caption=escape(table.caption),
        label=label(table),
        environment="longtable",
        column_format=_format(table),
    )
    return text


def document(tables: Iterable[Table]) -> str:
    """A document that inputs all tables, beside their files."""
    return _HEAD + "".join(f"\\input{{{t.name}.tex}}\n" for t in tables) + "\\end{document}\n"


def prose(text: object) -> str:
    """The same for sentences, in which hyphens may break a line."""
    return escape(text).replace("{-}", "-")


def ascii_only(text: str) -> str:
    """A comment: what pdfLaTeX does not print it may still not read."""
    return text.encode("ascii", "replace").decode()


def letters(name: str) -> str:
    """For labels and file names: what LaTeX reads anywhere."""
    return re.sub(r"[^A-Za-z0-9-]", "-", name)
