"""All files of a folder, those in its archives too, and what of it cannot be used whatever it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmbench.data.files.archive import is_archive, open_archive
from mmbench.data.files.left_out import Passed
from mmbench.data.files.problems import CellError
from mmbench.data.files.walk import is_system, walk


@dataclass(frozen=True, kw_only=True)
class Contents:
    """files: relative paths, of archives (`all.zip`) and of their members (`all.zip/cat/7.png`) too. passed: what was
    left out of them. damaged: archives that cannot be read, with the reason."""

    files: list[str]
    passed: list[Passed]
    damaged: dict[str, str]


def contents(folder: Path, *, opens: Callable[[str], bool] = lambda archive: True) -> Contents:
    """What lies in a folder. opens: which archives are looked into; a compressed tar is unpacked for that."""
    passed: list[Passed] = []
    files = list(walk(folder, passed))
    damaged: dict[str, str] = {}
    for file in [f for f in files if is_archive(f) and opens(f)]:
        try:
            archive = open_archive(folder.resolve() / file, file)
        except CellError as error:
            damaged[file] = str(error)
            passed.append(Passed(file, "damaged"))
            continue
        for member in sorted(archive.sizes):
            if any(map(is_system, member.split("/"))):
                passed.append(Passed(f"{file}/{member}", "system"))
            else:
                files.append(f"{file}/{member}")
        passed += [Passed(f"{file}/{member}", "special") for member in archive.others]
    broken = set(damaged)
    return Contents(files=[f for f in files if f not in broken], passed=passed, damaged=damaged)
