"""Pickles of numpy arrays, read without running what they say.

A pickle is a program for a stack machine that may call anything. Here is a machine of our own, for that part of the
language that data is written in: containers, strings, numbers and numpy arrays. It calls nothing that a pickle names:
the few names that numpy and Python 2 write for arrays and bytes are known here and mean what is written here; any other
name ends the reading. Large arrays stay in the file (memory-mapped), so a pickle may be larger than memory.

The language: the standard library's `pickletools`. How arrays are written: numpy's `__reduce__` and `__reduce_ex__`.
"""

from __future__ import annotations

import codecs
import io
import mmap
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from mmbench.reading.pickled import Refused, array, dtype_of
from mmbench.reading.source import Source

MOST_BYTES = 8 << 30
"""Of a pickle that cannot be mapped, such as a member of an archive."""
MOST_STEPS = 10_000_000
"""Instructions; a step takes at most some hundred bytes of memory, and an array of any size takes some ten steps."""
LARGE = 1 << 16
"""Bytes from which on they stay in the file."""


@dataclass
class _Slot:
    """What a name was called with, until BUILD gives its state; `value` is what it then is. Inert in itself."""

    name: str
    args: tuple[Any, ...]
    value: Any = field(default=None)


@dataclass(frozen=True)
class _Name:
    """A name that the pickle mentions and that is known here."""

    name: str


_KNOWN = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "bytearray"): "bytearray",
    ("builtins", "bytearray"): "bytearray",
    **{
        (f"numpy.{core}.{module}", name): name.lstrip("_")
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    },
}


def load(source: Source) -> Any:
    """What a pickle holds: dict, list, tuple, str, bytes, int, float, bool, None and numpy arrays, which are not to be
    written to. The strings of Python 2 are bytes (a memoryview where they are long); the keys of a dict are str where
    they can be.

    Raises Refused, naming what is not data and where it stands.
    """
    try:
        return _Machine(_mapped(source)).run()
    except Refused:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, struct.error, RecursionError) as error:
        raise Refused(f"broken pickle ({type(error).__name__}: {error})") from None
    except MemoryError:
        raise Refused("takes more memory than there is") from None


def _mapped(source: Source) -> memoryview:
    """The bytes of a file, read where they are used; those of a member of an archive in memory."""
    with source.open() as stream:
        if source.file is not None and stream.seek(0, io.SEEK_END):
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Refused(f"more than {MOST_BYTES >> 30} GiB inside an archive; unpack it")
    return memoryview(data)


class _Machine:
    """The stack machine. data: the whole pickle."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0

    def run(self) -> Any:
        for _ in range(MOST_STEPS):
            if self.at >= len(self.data):
                raise Refused("the pickle ends too early: the file is truncated")
            code = self.data[self.at]
            self.at += 1
            if code == ord("."):
                return self.pop()
            _STEPS.get(code, _refuse)(self)
        raise Refused(f"more than {MOST_STEPS:,} instructions: not a pickle of arrays")

    def take(self, count: int) -> memoryview:
        if count < 0 or count > len(self.data) - self.at:
            raise Refused(
                f"the pickle ends too early: {count:,} bytes should follow byte {self.at:,}, "
                f"{len(self.data) - self.at:,} do; the file is truncated or broken"
            )
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> bytes:
        start = self.at
        while start < len(self.data):
            piece = bytes(self.data[start : start + 4096])
            if (end := piece.find(b"\n")) >= 0:
                text = bytes(self.take(start + end - self.at))
                self.at += 1
                return text
            start += len(piece)
        raise Refused("the pickle ends too early, within a line: the file is truncated")

    def raw(self, count: int) -> bytes | memoryview:
        """Bytes; large ones stay where they are."""
        found = self.take(count)
        return found if count >= LARGE else bytes(found)

    def text(self, count: int) -> str:
        return str(self.take(count), "utf-8", "surrogatepass")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Refused("broken pickle: it takes what it never put on the stack")
        return self.stack.pop()

    def since_mark(self) -> list[Any]:
        if not self.marks:
            raise Refused("broken pickle: it goes back to a mark that it never set")
        start = self.marks.pop()
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def top(self, kind: type, what: str) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0) or type(self.stack[-1]) is not kind:
            raise Refused(f"broken pickle: it {what} something else than a {kind.__name__}")
        return self.stack[-1]

    def extend(self, items: list[Any]) -> None:
        self.top(list, "appends to").extend(items)

    def update(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise Refused("broken pickle: a key without a value")
        into = self.top(dict, "sets an item of")
        for key, value in zip(items[::2], items[1::2], strict=True):
            into[_key(key)] = value

    def tuple(self, count: int) -> None:
        self.push(tuple(reversed([self.pop() for _ in range(count)])))

    def put(self, index: int) -> None:
        if not self.stack:
            raise Refused("broken pickle: it remembers what it never put on the stack")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise Refused(f"broken pickle: it recalls item {index}, which it never remembered")
        found = self.memo[index]
        self.push(found.value if isinstance(found, _Slot) and found.value is not None else found)

    def name(self, module: Any, name: Any) -> None:
        known = _KNOWN.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if known is None:
            raise Refused(
                f"names {module}.{name} (at byte {self.at:,}), which is not data; only numpy arrays, containers, "
                "strings and numbers are read, and nothing was run"
            )
        self.push(_Name(known))

    def copy(self, count: int) -> None:
        """What is remembered could be copied over and over: in all no more than the file itself has."""
        self.copied += count
        if self.copied > len(self.data):
            raise Refused("copies more bytes than the file has: a decompression bomb")

    def reduce(self) -> None:
        args, called = self.pop(), self.pop()
        if not isinstance(called, _Name) or type(args) is not tuple:
            raise Refused(f"calls a {type(called).__name__} (at byte {self.at:,}), which is not data; nothing was run")
        match called.name, args:
            case "reconstruct", (_Name("ndarray"), tuple(), bytes() | str()):
                self.push(_Slot("ndarray", ()))
            case "dtype", (bytes() | str() as word, *_):
                self.push(_Slot("dtype", (), dtype_of(word)))
            case "scalar", (np.dtype() as dtype, bytes() | memoryview() as raw):
                self.push(array((1,), dtype, raw)[0])
            case "scalar", (_Slot("dtype") as slot, bytes() | memoryview() as raw):
                self.push(array((1,), slot.value, raw)[0])
            case "frombuffer", (bytes() | memoryview() as raw, np.dtype() | _Slot("dtype") as dtype, shape, order):
                dtype = dtype.value if isinstance(dtype, _Slot) else dtype
                self.push(array(shape, dtype, raw, fortran=order == "F"))
            case "encode", (str() as text, "latin1" | b"latin1" | "latin-1"):
                self.copy(len(text))
                self.push(text.encode("latin1"))
            case (("bytes" | "bytearray"), ()):
                self.push(b"")
            case "bytearray", (bytes() | memoryview() as raw,):
                self.push(raw)
            case _:
                kinds = ", ".join(type(a).__name__ for a in args)
                raise Refused(f"calls {called.name} with ({kinds}) (at byte {self.at:,}), which makes no array")

    def build(self) -> None:
        state, slot = self.pop(), self.pop()
        if isinstance(slot, np.dtype):
            slot = _Slot("dtype", (), slot)
        match slot, state:
            case _Slot("dtype"), (int(), order, None, None, None, *_):
                order = order.decode("ascii") if isinstance(order, bytes) else order
                if order not in ("<", ">", "|", "="):
                    raise Refused(f"a dtype of byte order {order!r}")
                slot.value = slot.value if order == "|" else slot.value.newbyteorder(order)
            case _Slot("dtype"), _:
                raise Refused("a dtype with fields or of its own making; only plain numbers and strings are read")
            case _Slot("ndarray"), (int(), tuple() as shape, np.dtype() | _Slot("dtype") as dtype, fortran, raw):
                dtype = dtype.value if isinstance(dtype, _Slot) else dtype
                if type(raw) is list:
                    self.copy(len(raw))
                slot.value = array(shape, dtype, raw, fortran=bool(fortran))
            case _:
                what = slot.name if isinstance(slot, _Slot | _Name) else type(slot).__name__
                raise Refused(f"sets the state of a {what} (at byte {self.at:,}), which is not data; nothing was run")
        self.push(slot.value)


def _key(key: Any) -> Any:
    if isinstance(key, bytes):
        try:
            return key.decode("utf-8")
        except UnicodeDecodeError:
            return key
    # No tuples: the hash of a tuple in a tuple in a tuple ... overflows the stack of the interpreter.
    if not isinstance(key, str | int | float | None):
        raise Refused(f"a dict with a {type(key).__name__} as key")
    return key


def _refuse(m: _Machine) -> NoReturn:
    op = pickletools.code2op.get(chr(m.data[m.at - 1]))  # type: ignore[attr-defined]
    if op is None:
        raise Refused(f"not a pickle: byte {m.at - 1:,} is no instruction")
    if op.name == "INST":
        m.name(m.line().decode("utf-8", "replace"), m.line().decode("utf-8", "replace"))
    named = [f"{v.name} " for v in m.stack[-3:] if isinstance(v, _Name)]
    raise Refused(f"the instruction {op.name} {''.join(named)}(at byte {m.at - 1:,}) is not for data; nothing was run")


def _global(m: _Machine) -> None:
    m.name(m.line().decode("utf-8", "replace"), m.line().decode("utf-8", "replace"))


def _stack_global(m: _Machine) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _integer(m: _Machine) -> None:
    word = m.line().rstrip(b"L")
    m.push({b"00": False, b"01": True}.get(word) if word in (b"00", b"01") else int(word))


def _quoted(m: _Machine) -> None:
    word = m.line().strip()
    if len(word) < 2 or word[:1] != word[-1:] or word[:1] not in (b"'", b'"'):
        raise Refused("broken pickle: a string without quotes")
    m.push(codecs.escape_decode(word[1:-1])[0])


def _long(m: _Machine, form: str) -> None:
    m.push(int.from_bytes(m.take(m.number(form)), "little", signed=True))


def _dict(m: _Machine) -> None:
    items = m.since_mark()
    m.push({})
    m.update(items)


def _append(m: _Machine) -> None:
    value = m.pop()
    m.extend([value])


def _set_item(m: _Machine) -> None:
    value, key = m.pop(), m.pop()
    m.update([key, value])


_STEPS: dict[int, Callable[[_Machine], Any]] = {
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
