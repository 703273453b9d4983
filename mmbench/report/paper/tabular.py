"""A booktabs table that fits one column or the width of a page: as large as fits, measured before it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mmbench.report.draw import latex
from mmbench.report.paper.widths import ONE, PAGE_ROWS, SIZES, TWO, width

SEP = 2.5
"""Points on each side of a column."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """text: as people read it. half: a half width, set small behind it. mark: a sign behind that, as LaTeX."""

    text: str = ""
    half: str = ""
    bold: bool = False
    underlined: bool = False
    mark: str = ""

    def written(self) -> str:
        found = latex.escape(self.text)
        found = f"\\textbf{{{found}}}" if self.bold else found
        found = f"\\underline{{{found}}}" if self.underlined else found
        small = f"{{\\scriptsize$\\pm${latex.escape(self.half)}}}" if self.half else ""
        return f"{found}{small}{self.mark}"

    def wide(self, size: float) -> float:
        half = width(f"±{self.half}", 7.0) if self.half else 0.0
        return width(self.text, size, bold=self.bold) + half + (4.0 if self.mark else 0.0)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What a table holds.

    Attributes:
        name: Of its file and its label.
        caption: A short one; notes: sentences below the table.
        groups: Over the columns after the first: heading and how many columns it spans; empty for none.
        heads: Of all columns; a line break is a second line.
        rows: Cells, or None for a rule between two groups of rows.
        left: Columns, from 0, that hold words.
    """

    name: str
    caption: str
    notes: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell] | None]
    groups: Sequence[tuple[str, int]] = ()
    left: Sequence[int] = field(default=(0,))

    def wide(self, size: float) -> float:
        """Points of the whole table."""
        columns = [max((width(part, size) for part in head.split("\n")), default=0.0) for head in self.heads]
        for row in self.rows:
            for i, cell in enumerate(row or ()):
                columns[i] = max(columns[i], cell.wide(size))
        first = 1
        for heading, span in self.groups:
            lacking = width(heading, size) - sum(columns[first : first + span]) - 2 * SEP * (span - 1)
            if lacking > 0:
                columns[first] += lacking
            first += span
        return sum(columns) + 2 * SEP * (len(columns) - 1)

    @property
    def lines(self) -> int:
        return len(self.rows) + 2

    @property
    def size(self) -> tuple[str, bool] | None:
        """The command for its size, and whether it goes across both columns; None where it does not fit a page."""
        if self.lines > PAGE_ROWS:
            return None
        for limit, across in ((ONE, False), (TWO, True)):
            for command, points in SIZES.items():
                if self.wide(points) <= limit:
                    return command, across
        return None


def environment(grid: Grid) -> str:
    """The table, with packages booktabs alone. Raises ValueError where it does not fit a page."""
    if grid.size is None:
        raise ValueError(f"table {grid.name} is wider or longer than a page")
    command, across = grid.size
    kind = "table*" if across else "table"
    columns = "".join("l" if i in grid.left else "r" for i in range(len(grid.heads)))
    lines = [
        f"\\begin{{{kind}}}[t]",
        "\\centering",
        f"\\caption{{{latex.prose(grid.caption)}}}",
        f"\\label{{tab:mmb-{latex.letters(grid.name)}}}",
        # Some classes leave no room below a caption.
        f"{command}\\vspace{{2pt}}\\setlength{{\\tabcolsep}}{{{SEP}pt}}%",
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        "\\toprule",
        *_heads(grid),
        "\\midrule",
        *("\\midrule" if row is None else f"{' & '.join(c.written() for c in row)} \\\\" for row in grid.rows),
        "\\bottomrule",
        "\\end{tabular}",
        *(
            [f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\raggedright {latex.prose(grid.notes)}}}"]
            if grid.notes
            else []
        ),
        f"\\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def _heads(grid: Grid) -> list[str]:
    lines = []
    if grid.groups:
        spans = [f"\\multicolumn{{{span}}}{{c}}{{{latex.escape(heading)}}}" for heading, span in grid.groups]
        rules, first = [], 2
        for _, span in grid.groups:
            rules.append(f"\\cmidrule(lr){{{first}-{first + span - 1}}}")
            first += span
        lines += [f" & {' & '.join(spans)} \\\\", "".join(rules)]
    parts = [head.split("\n") for head in grid.heads]
    for i in range(max(map(len, parts))):
        lines.append(" & ".join(latex.escape(p[i]) if i < len(p) else "" for p in parts) + " \\\\")
    return lines
