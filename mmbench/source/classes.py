"""What a class is, from the text of its file and of its bases' files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmbench.errors import UserError
from mmbench.source.expression import UnknownValueError, evaluate
from mmbench.source.facts import ClassFacts
from mmbench.source.locate import source_file
from mmbench.source.modules import absolute, facts

INERT = {"ABC", "Generic", "Module", "Protocol", "object"}
"""Last part of the names of bases outside mmbench that give a class neither options nor attributes that we ask for."""

CHECKS_ONLY = {("interfaces", "Attention")}
"""Classes, by file and name, whose `__init_subclass__` checks a subclass and leaves its signature as it is."""


@dataclass(frozen=True, kw_only=True)
class ClassSource:
    """A class in the source of a module. Everything raises UnknownValueError where only importing it would show it."""

    module: str
    name: str

    @property
    def own(self) -> ClassFacts:
        return facts(self.module).classes[self.name]

    def lineage(self) -> Iterator[ClassSource]:
        """The class and its bases, nearest first."""
        yield self
        known = [base for base in map(self._base, self.own.bases) if base is not None]
        if len(known) > 1:
            raise UnknownValueError(f"{self.name} has several bases")
        for base in known:
            yield from base.lineage()

    def _base(self, text: str) -> ClassSource | None:
        """A base by its expression; None for one that adds nothing."""
        written = text.split("[", 1)[0]
        found = facts(self.module)
        if written in found.classes:
            return ClassSource(module=self.module, name=written)
        if written in found.bound and found.bound[written][2] is not None:
            module, name = absolute(self.module, found.bound[written]), str(found.bound[written][2])
            try:
                if source_file(module) is not None and name in facts(module).classes:
                    return ClassSource(module=module, name=name)
            except (SyntaxError, ValueError, OSError, UserError) as error:
                raise UnknownValueError(text) from error
        if written.rpartition(".")[2] in INERT:
            return None
        raise UnknownValueError(text)

    def summary(self) -> str:
        """The first line of the docstring, its own or inherited."""
        return next((c.own.summary for c in self.lineage() if c.own.summary is not None), "")

    def attribute(self, name: str, key: str | None = None) -> Any:
        """The value of a class attribute, None where there is none; of one that is a call, the keyword `key`."""
        for cls in self.lineage():
            if name in cls.own.attributes or name in cls.own.calls:
                text = cls.own.attributes.get(name) if key is None else cls.own.calls.get(name, {}).get(key)
                if text is None:
                    raise UnknownValueError(name if key is None else f"{name}.{key}")
                return evaluate(text, cls.module)
            if name in cls.own.others:
                raise UnknownValueError(name)
        return None

    def options(self) -> dict[str, tuple[str, str | None, str | None]]:
        """Keyword-only parameters of the constructor: name -> (module that it is written in, annotation, default)."""
        for cls in self.lineage():
            if not cls.own.plain and (cls.module.rpartition(".")[2], cls.name) not in CHECKS_ONLY:
                raise UnknownValueError(cls.name)
            if cls.own.options is not None:
                return {name: (cls.module, *texts) for name, texts in cls.own.options.items()}
        return {}
