"""The stack machine that a pickle is a program for, without the instruction to call anything.

How numpy writes arrays: its `__reduce__` and `__reduce_ex__`; what it has called for that is done here by itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmbench.data.files.pickled import Refused, array, dtype_of

LARGE = 1 << 16
"""Bytes from which on they stay in the file."""


@dataclass
class Slot:
    """What a name was called with, until BUILD gives its state; `value` is what it then is. Inert in itself."""

    name: str
    args: tuple[Any, ...]
    value: Any = field(default=None)


@dataclass(frozen=True)
class Name:
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


class Machine:
    """The stack machine. data: the whole pickle."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0

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
        self.push(found.value if isinstance(found, Slot) and found.value is not None else found)

    def name(self, module: Any, name: Any) -> None:
        known = _KNOWN.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if known is None:
            raise Refused(
                f"names {module}.{name} (at byte {self.at:,}), which is not data; only numpy arrays, containers, "
                "strings and numbers are read, and nothing was run"
            )
        self.push(Name(known))

    def copy(self, count: int) -> None:
        """What is remembered could be copied over and over: in all no more than the file itself has."""
        self.copied += count
        if self.copied > len(self.data):
            raise Refused("copies more bytes than the file has: a decompression bomb")

    def reduce(self) -> None:
        args, called = self.pop(), self.pop()
        if not isinstance(called, Name) or type(args) is not tuple:
            raise Refused(f"calls a {type(called).__name__} (at byte {self.at:,}), which is not data; nothing was run")
        match called.name, args:
            case "reconstruct", (Name("ndarray"), tuple(), bytes() | str()):
                self.push(Slot("ndarray", ()))
            case "dtype", (bytes() | str() as word, *_):
                self.push(Slot("dtype", (), dtype_of(word)))
            case "scalar", (np.dtype() as dtype, bytes() | memoryview() as raw):
                self.push(array((1,), dtype, raw)[0])
            case "scalar", (Slot("dtype") as slot, bytes() | memoryview() as raw):
                self.push(array((1,), slot.value, raw)[0])
            case "frombuffer", (bytes() | memoryview() as raw, np.dtype() | Slot("dtype") as dtype, shape, order):
                dtype = dtype.value if isinstance(dtype, Slot) else dtype
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
            slot = Slot("dtype", (), slot)
        match slot, state:
            case Slot("dtype"), (int(), order, None, None, None, *_):
                order = order.decode("ascii") if isinstance(order, bytes) else order
                if order not in ("<", ">", "|", "="):
                    raise Refused(f"a dtype of byte order {order!r}")
                slot.value = slot.value if order == "|" else slot.value.newbyteorder(order)
            case Slot("dtype"), _:
                raise Refused("a dtype with fields or of its own making; only plain numbers and strings are read")
            case Slot("ndarray"), (int(), tuple() as shape, np.dtype() | Slot("dtype") as dtype, fortran, raw):
                dtype = dtype.value if isinstance(dtype, Slot) else dtype
                if type(raw) is list:
                    self.copy(len(raw))
                slot.value = array(shape, dtype, raw, fortran=bool(fortran))
            case _:
                what = slot.name if isinstance(slot, Slot | Name) else type(slot).__name__
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
