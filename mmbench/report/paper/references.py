"""References: from the words by which variants and data sets name their sources to entries of BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmbench.report.draw import latex

_ENTRY = re.compile(r"^@(\w+)\{([^,]+),\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[A-Za-z]{3,}")
_CITED = re.compile(
    r"(?P<who>[A-Z][\w’'-]+)"
    r"(?:,? et al\.|,? and [A-Z][\w’'-]+|(?:, [A-Z][\w’'-]+)+,? and [A-Z][\w’'-]+|, [A-Z]\..*?)?"
    r",? \(?(?P<year>(?:19|20)\d\d)\)?(?:[.,]? (?P<what>.*))?"
)
_SOFTWARE = {"scikit-learn": "pedregosa2011scikit", "SciPy": "virtanen2020scipy"}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An entry of BibTeX. text: the whole entry."""

    key: str
    text: str


@cache
def known() -> dict[str, Reference]:
    """Those that mmbench knows in full, by key."""
    text = (files("mmbench.report.paper") / "references.bib").read_text(encoding="utf-8")
    return {m[2]: Reference(key=m[2], text=m[0]) for m in _ENTRY.finditer(text)}


def cited(source: str) -> list[Reference]:
    """The references that a source names: `Lu et al. 2019, ViLBERT; cf. ...`. One that is not known in full is made
    from the words; what names neither a person and a year nor a library gives nothing."""
    found = []
    for clause in source.split(";"):
        software = next((key for name, key in _SOFTWARE.items() if clause.strip().startswith(name)), None)
        if software is not None:
            found.append(known()[software])
        elif (m := _CITED.search(clause)) is not None:
            found.append(_known(m["who"], m["year"], m["what"] or "") or _made(m["who"], m["year"], m["what"] or ""))
    return list(dict.fromkeys(found))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _known(who: str, year: str, what: str) -> Reference | None:
    """By the first author and the year; of several the one whose entry shares most words with the title."""
    fitting = [r for key, r in known().items() if key.startswith(_plain(who) + year)]
    words = {w.lower() for w in _WORD.findall(what)}
    return max(fitting, key=lambda r: len(words & {w.lower() for w in _WORD.findall(r.text)}), default=None)


def _made(who: str, year: str, what: str) -> Reference:
    """Of what mmbench has no entry for: a person, a year, and what else was said."""
    first = _WORD.search(what)
    key = f"{_plain(who)}{year}{first[0].lower() if first else ''}"
    fields = {"author": f"{latex.escape(who)} and others", "title": f"{{{latex.escape(what or who)}}}", "year": year}
    return entry("misc", key, fields)


def entry(kind: str, key: str, fields: dict[str, str]) -> Reference:
    """fields: as LaTeX."""
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return Reference(key=key, text=f"@{kind}{{{key},\n{lines}\n}}")


def bibliography(references: Iterable[Reference]) -> Iterator[str]:
    """Each once, by key."""
    found = {r.key: r for r in references}
    yield from (found[key].text for key in sorted(found))


def cite(references: Iterable[Reference]) -> str:
    r"""`~\cite{a, b}`, nothing where there is none."""
    keys = list(dict.fromkeys(r.key for r in references))
    return f"~\\cite{{{','.join(keys)}}}" if keys else ""
