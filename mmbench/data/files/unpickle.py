"""Pickles of numpy arrays, read without running what they say.

A pickle is a program for a stack machine that may call anything. Here is a machine of our own, for that part of the
language that data is written in: containers, strings, numbers and numpy arrays. It calls nothing that a pickle names:
the few names that numpy and Python 2 write for arrays and bytes are known here and mean what is written here; any other
name ends the reading. Large arrays stay in the file (memory-mapped), so a pickle may be larger than memory.

The language: the standard library's `pickletools`.
"""

from __future__ import annotations

import codecs
import io
import mmap
import pickletools
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from mmbench.data.files.pickle_machine import Machine, Name
from mmbench.data.files.pickled import Refused
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source

MOST_BYTES = 8 << 30
"""Of a pickle that cannot be mapped, such as a member of an archive."""
MOST_STEPS = 10_000_000
"""Instructions; a step takes at most some hundred bytes of memory, and an array of any size takes some ten steps."""


def load(source: Source) -> Any:
    """What a pickle holds: dict, list, tuple, str, bytes, int, float, bool, None and numpy arrays, which are not to be
    written to. The strings of Python 2 are bytes (a memoryview where they are long); the keys of a dict are str where
    they can be.

    Raises Refused, naming what is not data and where it stands.
    """
    try:
        return _run(Machine(_mapped(source)))
    except CellError:
        raise
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror or error}") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, struct.error, RecursionError) as error:
        raise Refused(f"broken pickle ({type(error).__name__}: {error})") from None
    except MemoryError:
        raise Refused("takes more memory than there is") from None


def _run(m: Machine) -> Any:
    for _ in range(MOST_STEPS):
        if m.at >= len(m.data):
            raise Refused("the pickle ends too early: the file is truncated")
        code = m.data[m.at]
        m.at += 1
        if code == ord("."):
            return m.pop()
        _STEPS.get(code, _refuse)(m)
    raise Refused(f"more than {MOST_STEPS:,} instructions: not a pickle of arrays")


def _mapped(source: Source) -> memoryview:
    """The bytes of a file, read where they are used; those of a member of an archive in memory."""
    with source.open() as stream:
        if source.file is not None and stream.seek(0, io.SEEK_END):
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Refused(f"more than {MOST_BYTES >> 30} GiB inside an archive; unpack it")
    return memoryview(data)


def _refuse(m: Machine) -> NoReturn:
    op = pickletools.code2op.get(chr(m.data[m.at - 1]))  # type: ignore[attr-defined]
    if op is None:
        raise Refused(f"not a pickle: byte {m.at - 1:,} is no instruction")
    if op.name == "INST":
        m.name(m.line().decode("utf-8", "replace"), m.line().decode("utf-8", "replace"))
    named = [f"{v.name} " for v in m.stack[-3:] if isinstance(v, Name)]
    raise Refused(f"the instruction {op.name} {''.join(named)}(at byte {m.at - 1:,}) is not for data; nothing was run")


def _global(m: Machine) -> None:
    m.name(m.line().decode("utf-8", "replace"), m.line().decode("utf-8", "replace"))


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _integer(m: Machine) -> None:
    word = m.line().rstrip(b"L")
    m.push({b"00": False, b"01": True}.get(word) if word in (b"00", b"01") else int(word))


def _quoted(m: Machine) -> None:
    word = m.line().strip()
    if len(word) < 2 or word[:1] != word[-1:] or word[:1] not in (b"'", b'"'):
        raise Refused("broken pickle: a string without quotes")
    m.push(codecs.escape_decode(word[1:-1])[0])


def _long(m: Machine, form: str) -> None:
    m.push(int.from_bytes(m.take(m.number(form)), "little", signed=True))


def _dict(m: Machine) -> None:
    items = m.since_mark()
    m.push({})
    m.update(items)


def _append(m: Machine) -> None:
    value = m.pop()
    m.extend([value])


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.update([key, value])


_STEPS: dict[int, Callable[[Machine], Any]] = {
    ord(code): step
    for code, step in {
        "\x80": lambda m: m.take(1),  # PROTO
        "\x95": lambda m: m.take(8),  # FRAME
        "(": lambda m: m.marks.append(len(m.stack)),
        "N": lambda m: m.push(None),
        "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False),
        "I": _integer,
        "L": _integer,
        "J": lambda m: m.push(m.number("<i")),
        "K": lambda m: m.push(m.number("<B")),
        "M": lambda m: m.push(m.number("<H")),
        "\x8a": lambda m: _long(m, "<B"),
        "\x8b": lambda m: _long(m, "<i"),
        "F": lambda m: m.push(float(m.line())),
        "G": lambda m: m.push(m.number(">d")),
        "S": _quoted,
        "T": lambda m: m.push(m.raw(m.number("<i"))),
        "U": lambda m: m.push(m.raw(m.number("<B"))),
        "B": lambda m: m.push(m.raw(m.number("<I"))),
        "C": lambda m: m.push(m.raw(m.number("<B"))),
        "\x8e": lambda m: m.push(m.raw(m.number("<Q"))),
        "\x96": lambda m: m.push(m.raw(m.number("<Q"))),  # BYTEARRAY8
        "V": lambda m: m.push(str(m.line(), "raw-unicode-escape")),
        "X": lambda m: m.push(m.text(m.number("<I"))),
        "\x8c": lambda m: m.push(m.text(m.number("<B"))),
        "\x8d": lambda m: m.push(m.text(m.number("<Q"))),
        "]": lambda m: m.push([]),
        "l": lambda m: m.push(m.since_mark()),
        "a": _append,
        "e": lambda m: m.extend(m.since_mark()),
        ")": lambda m: m.push(()),
        "t": lambda m: m.push(tuple(m.since_mark())),
        "\x85": lambda m: m.tuple(1),
        "\x86": lambda m: m.tuple(2),
        "\x87": lambda m: m.tuple(3),
        "}": lambda m: m.push({}),
        "d": _dict,
        "s": _set_item,
        "u": lambda m: m.update(m.since_mark()),
        "p": lambda m: m.put(int(m.line())),
        "q": lambda m: m.put(m.number("<B")),
        "r": lambda m: m.put(m.number("<I")),
        "\x94": lambda m: m.put(len(m.memo)),
        "g": lambda m: m.get(int(m.line())),
        "h": lambda m: m.get(m.number("<B")),
        "j": lambda m: m.get(m.number("<I")),
        "c": _global,
        "\x93": _stack_global,
        "R": lambda m: m.reduce(),
        "b": lambda m: m.build(),
    }.items()
}
"""What is understood, by code."""
