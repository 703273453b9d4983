"""Pickles of arrays come out equal to the standard library's; nothing else that a pickle can say is done."""

from __future__ import annotations

import builtins
import codecs
import contextlib
import copyreg
import functools
import io
import operator
import pickle
import pickletools
import posix
import struct
import subprocess
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmbench.data.files import unpickle
from mmbench.data.files.pickled import Refused
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, FileSource
from mmbench.data.files.unpickle import load


def in_memory(data: bytes) -> BytesSource:
    return BytesSource("x.pkl", data)


def on_disk(path: Path) -> FileSource:
    return FileSource("x.pkl", path)


def same(a: Any, b: Any) -> bool:
    if isinstance(b, np.ndarray):
        alike = (
            isinstance(a, np.ndarray) and a.shape == b.shape and a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
        )
        if not alike or b.dtype != object:
            return alike and np.array_equal(a, b, equal_nan=b.dtype.kind in "fc")
        return all(same(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in b)
    if isinstance(b, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and (a == b or a != a)


RAGGED = np.empty(2, object)
RAGGED[:] = [np.arange(3), np.arange(4.0)]
X = np.arange(3.0)
VALUES = {
    "plain": {
        "a": [1, -1, 2**40, -(2**80), 1.5, None, True, False, "ü€\U0001f600", "", "line\nbreak\\u"],
        "b": (1, (), (2, 3)),
    },
    "long tuple": (1, 2, 3, 4),
    "bytes": [b"", b"\x00\xff'\"\n", bytearray(b"xy")],
    "float": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "big endian": np.arange(5, dtype=">i2"),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(10.0)[::3],
    "zero-dimensional": np.array(2.5),
    "empty": np.zeros((3, 0, 2), np.float16),
    "bool": np.array([True, False]),
    "complex": np.array([1 + 2j]),
    "text": np.array(["a", "längst"]),
    "ascii": np.array([b"a", b"bc"]),
    "object": np.array(["a", "b", None, 3, b"z"], object).reshape(5, 1),
    "ragged": RAGGED,
    "scalars": [np.float32(1.5), np.int64(-3), np.bool_(True), np.str_("né"), np.float64("nan")],
    "large": np.random.default_rng(0).normal(size=(70, 400)),
    "large text": "é" * 100_000,
    "shared": [[X, X], {"x": X}, np.arange(4.0)],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", VALUES)
def test_data_comes_out_as_the_standard_library_has_it(name: str, protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps(VALUES[name], protocol)
    expected = pickle.loads(data)  # noqa: S301 - our own
    if name == "bytes":
        expected[-1] = bytes(expected[-1])
    assert same(load(in_memory(data)), expected)
    (tmp_path / "x").write_bytes(data)
    assert same(load(on_disk(tmp_path / "x")), expected)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_spellings_of_old_numpy(protocol: int) -> None:
    value = {"x": np.arange(6.0).reshape(2, 3), "s": np.float32(2)}
    data = pickle.dumps(value, protocol)
    if protocol < 4:
        old = data.replace(b"numpy._core.", b"numpy.core.")
    else:  # names with a length before them, in frames with a length
        old = pickle_without_frames(data)
        for module in ("numpy._core.multiarray", "numpy._core.numeric"):
            short = module.replace("_core", "core")
            old = old.replace(
                b"\x8c" + bytes([len(module)]) + module.encode(), b"\x8c" + bytes([len(short)]) + short.encode()
            )
    assert old != data
    assert same(load(in_memory(old)), value)


def pickle_without_frames(data: bytes) -> bytes:
    cut = [pos for op, _, pos in pickletools.genops(data) if op.name == "FRAME"]
    for pos in reversed(cut):
        data = data[:pos] + data[pos + 9 :]
    return data


def test_python_2() -> None:
    """As Python 2 with numpy 1 writes {'train': {'x': np.arange(2.), 'id': ['caf\\xc3\\xa9']}}, protocols 0 and 2."""
    raw = np.arange(2.0).tobytes()
    protocol_2 = (
        b"\x80\x02}q\x00U\x05trainq\x01}q\x02(U\x01xq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\nq\x05"
        b"K\x00\x85q\x06U\x01bq\x07\x87q\x08Rq\x09(K\x01K\x02\x85q\x0acnumpy\ndtype\nq\x0bU\x02f8q\x0cK\x00K\x01\x87q\x0d"
        b"Rq\x0e(K\x03U\x01<q\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10b\x89U\x10" + raw + b"q\x11tq\x12b"
        b"U\x02idq\x13]q\x14U\x05caf\xc3\xa9q\x15aus."
    )
    escaped = codecs.escape_encode(raw)[0]  # type: ignore[attr-defined]
    protocol_0 = (
        b"(dp0\nS'train'\np1\n(dp2\nS'x'\np3\ncnumpy.core.multiarray\n_reconstruct\np4\n(cnumpy\nndarray\np5\n(I0\ntp6\n"
        b"S'b'\np7\ntp8\nRp9\n(I1\n(I2\ntp10\ncnumpy\ndtype\np11\n(S'f8'\np12\nI0\nI1\ntp13\nRp14\n(I3\nS'<'\np15\nNNNI-1\n"
        b"I-1\nI0\ntp16\nbI00\nS'" + escaped + b"'\np17\ntp18\nbsS'id'\np19\n(lp20\nS'caf\\xc3\\xa9'\np21\nass."
    )
    for data in (protocol_2, protocol_0):
        assert same(pickle.loads(data, encoding="bytes")[b"train"][b"x"], np.arange(2.0))  # noqa: S301 - our own
        assert same(load(in_memory(data)), {"train": {"x": np.arange(2.0), "id": ["café".encode()]}})


def test_large_arrays_stay_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(pickle.dumps(np.zeros(100_000), 4))
    found = load(on_disk(tmp_path / "x"))
    base = found
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, memoryview) and type(base.obj).__name__ == "mmap"
    assert not found.flags.writeable


ARRAYS = hnp.arrays(
    hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64)) | hnp.unicode_string_dtypes(),
    hnp.array_shapes(min_side=0),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | ARRAYS
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(value=NESTED, protocol=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_any_data(value: Any, protocol: int) -> None:
    assert same(load(in_memory(pickle.dumps(value, protocol))), value)


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.reduced


def op_global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


CORE = "numpy.core.multiarray"
DTYPE_O = op_global("numpy", "dtype") + b"(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb"
DTYPE_F = op_global("numpy", "dtype") + b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
ARRAY = op_global(CORE, "_reconstruct") + b"(" + op_global("numpy", "ndarray") + b"(I0\ntS'b'\ntR"
KNOWN = op_global(CORE, "_reconstruct")
SCALAR = op_global(CORE, "scalar")
FROMBUFFER = op_global("numpy.core.numeric", "_frombuffer")
ENCODE = op_global("_codecs", "encode")


def hostile(canary: Path) -> dict[str, bytes]:
    """Pickles that would write `canary`, or otherwise do more than hold data."""
    shell = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').close()"
    objects: dict[str, Any] = {
        "os.system": Calls(posix.system, shell),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "open": Calls(open, str(canary), "w"),
        "subprocess": Calls(subprocess.check_output, ["touch", str(canary)]),
        "Popen": Calls(subprocess.Popen, ["touch", str(canary)]),
        "partial": Calls(functools.partial, posix.system, shell),
        "attrgetter": Calls(operator.attrgetter, "system"),
        "methodcaller": Calls(operator.methodcaller, "system", shell),
        "getattr": Calls(getattr, str, "format"),
        "__import__": Calls(builtins.__import__, "antigravity"),
        "pickle.loads": Calls(pickle.loads, pickle.dumps(Calls(posix.system, shell))),
        "np.load": Calls(np.load, str(canary)),
        "numpy.memmap": Calls(np.memmap, str(canary), "u1", "w+", 0, (1,)),
        "ndarray.tofile": Calls(np.ndarray.tofile, np.zeros(1), str(canary)),
        "map": Calls(map, posix.system, [shell]),
        "torch": torch.zeros(2),
        "object array": np.array([Calls(posix.system, shell)], object),
        "in a dict": {"train": {"vision": Calls(posix.system, shell)}},
        "as a dtype": Calls(np.dtype, Calls(posix.system, shell)),
        "structured": np.zeros(2, [("a", "f4"), ("b", "O")]),
        "datetime": np.zeros(2, "M8[s]"),
        "set": {1, 2},
        "instance": Calls(int),
        "path": Path("x"),
        "bytearray bomb": Calls(bytearray, 10**12),
        "bytes bomb": Calls(bytes, 10**12),
        "codec": Calls(codecs.encode, "x", "rot13"),
    }
    dumped = io.BytesIO()
    joblib.dump({"x": np.zeros(3)}, dumped)
    found = {"joblib": dumped.getvalue()}
    found |= {name: pickle.dumps(value, 2) for name, value in objects.items()}
    found |= {
        f"{name}, protocol {p}": pickle.dumps(objects[name], p)
        for name in ("os.system", "eval", "torch", "object array")
        for p in (0, 1, 3, 4, 5)
    }
    arg = pickle.dumps(shell, 0)[:-1]
    text = b"\x8c" + bytes([len(shell)]) + shell.encode()
    inner = pickle.dumps(Calls(posix.system, shell))
    inner_size, size_5000 = bytes([len(inner)]), struct.pack("<I", 5000)
    copied = ENCODE + b"h\x00S'latin1'\n\x86R"
    return found | {
        "posix": op_global("posix", "system") + b"(" + arg + b"tR.",
        "python 2 builtin": op_global("__builtin__", "eval") + b"(S'1'\ntR.",
        "INST": b"(" + arg + b"iposix\nsystem\n.",
        "INST of a known name": b"(S'x'\ninumpy\nndarray\n.",
        "OBJ": b"(" + op_global("posix", "system") + arg + b"o.",
        "OBJ of a known name": b"(" + op_global("numpy", "dtype") + b"S'f8'\no.",
        "NEWOBJ": b"\x80\x02" + op_global("subprocess", "Popen") + b"(" + arg + b"t\x81.",
        "NEWOBJ of a known name": b"\x80\x02" + op_global("numpy", "ndarray") + b"(I9\nt\x81.",
        "NEWOBJ_EX": b"\x80\x04" + op_global("numpy", "ndarray") + b")}\x92.",
        "dotted name": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + text + b"\x85R.",
        "dotted through a known module": b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.tofile.__self__"[:-2] + b"\x93.",
        "dotted through numpy": b"\x80\x04\x8c\x05numpy\x8c\x09os.system\x93" + text + b"\x85R.",
        "dotted in the module": b"\x80\x04\x8c\x0cnumpy.ctypes\x8c\x04CDLL\x93.",
        "name that is no text": b"\x80\x04K\x01K\x02\x93.",
        "name of bytes": b"\x80\x04C\x05numpyC\x07ndarray\x93.",
        "persistent id": b"Pwhatever\n.",
        "binary persistent id": b"S'x'\nQ.",
        "extension 1": b"\x80\x02\x82\xf0.",
        "extension 2": b"\x80\x02\x83\xf0\x00.",
        "extension 4": b"\x80\x02\x84\xf0\x00\x00\x00.",
        "out of band": b"\x80\x05\x97.",
        "out of band, read-only": b"\x80\x05C\x01x\x98.",
        "scalar of an object": SCALAR + b"(" + DTYPE_O + b"C" + inner_size + inner + b"tR.",
        "scalar of a pickle": SCALAR + b"(" + DTYPE_O + b"S'x'\ntR.",
        "objects from bytes": ARRAY + b"(I1\n(I1\nt" + DTYPE_O + b"I00\nC\x08AAAAAAAAtb.",
        "numbers from a list": ARRAY + b"(I1\n(I1\nt" + DTYPE_F + b"I00\n(F1\nltb.",
        "object frombuffer": FROMBUFFER + b"(C\x08AAAAAAAA" + DTYPE_O + b"(I1\ntS'C'\ntR.",
        "subclass": KNOWN + b"(" + op_global("numpy", "memmap") + b"(I0\ntS'b'\ntR.",
        "state of a function": KNOWN + b"}(S'__code__'\nI1\nub.",
        "slot state of a function": KNOWN + b"N}S'__defaults__'\n(I1\nts\x86b.",
        "state of a class": op_global("numpy", "ndarray") + b"}S'x'\nI1\nsb.",
        "state of a list": b"]}S'x'\nI1\nsb.",
        "call of a string": arg + b"(tR.",
        "call of an array": ARRAY + b"(I1\n(I1\nt" + DTYPE_F + b"I00\nC\x08AAAAAAAAtb(tR.",
        "dtype with metadata": op_global("numpy", "dtype") + b"(S'f8'\nI0\nI1\ntR(I4\nS'<'\nN(S'a'\nt}I8\nI1\nI0\n}tb.",
        "shape bomb": ARRAY + b"(I1\n(L1000000000000L\nt" + DTYPE_F + b"I00\nC\x08AAAAAAAAtb.",
        "shape of huge numbers": ARRAY + b"(I1\n(L" + b"9" * 4000 + b"L\nt" + DTYPE_F + b"I00\nC\x08AAAAAAAAtb.",
        "negative shape": ARRAY + b"(I1\n(I-1\nt" + DTYPE_F + b"I00\nC\x08AAAAAAAAtb.",
        "object shape bomb": ARRAY + b"(I1\n(L1000000000000L\nt" + DTYPE_O + b"I00\n(ltb.",
        "dtype bomb": op_global("numpy", "dtype") + b"(S'S99999999999999'\nI0\nI1\ntR.",
        "dtype expression": op_global("numpy", "dtype") + b"(S'f8,O'\nI0\nI1\ntR.",
        "bytes of a terabyte": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
        "bytes of a negative length": b"T\xff\xff\xff\xffx.",
        "text of a terabyte": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
        "long of a gigabyte": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"x.",
        "long of many digits": b"L" + b"9" * 100_000 + b"L\n.",
        "copies over and over": b"X" + size_5000 + b"a" * 5000 + b"q\x00" + 20 * copied + b".",
        "objects over and over": b"(" + b"N" * 5000 + b"lq\x000" + b".",
        "key that is a list": b"}]Ns.",
        "key of nested tuples": b"}" + b")" + b"\x85" * 100_000 + b"Ns.",
        "nothing on the stack": b".",
        "pops below a mark": b"N(0.",
        "no mark": b"t.",
        "append to nothing": b"Na.",
        "append to a number": b"I1\nNa.",
        "odd items": b"}(Nu.",
        "unknown memo": b"h\x07.",
        "unterminated": b"(S'x'",
        "unquoted": b"Sx\n.",
        "bad number": b"Ix\n.",
        "bad text": b"X\x01\x00\x00\x00\xff.",
        "zip": b"PK\x03\x04" + bytes(40),
        "text file": b"id,label\n1,2\n",
        "empty": b"",
        "gzip": b"\x1f\x8b\x08\x00" + bytes(20),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(20),
    }  # fmt: skip


NAMES = sorted(hostile(Path("canary")))


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_no_data_is_refused_and_not_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellError) as refused:
        load(in_memory(hostile(canary)[name]))
    assert not canary.exists() and not list(tmp_path.iterdir())
    assert str(refused.value) and "Traceback" not in str(refused.value)


def test_the_canary_dies_without_the_restriction(tmp_path: Path) -> None:
    """The hostile pickles are hostile: the standard library runs them."""
    for name in (
        "os.system",
        "eval",
        "posix",
        "INST",
        "dotted through numpy",
        "object array",
        "object array, protocol 5",
        "subprocess",
    ):
        canary = tmp_path / name.replace(" ", "-").replace(",", "")
        data = hostile(canary)[name]
        try:
            pickle.loads(data)  # noqa: S301 - the point
        except AttributeError:
            assert name.startswith("dotted")
        else:
            assert canary.exists(), name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("os.system", ["posix.system", "nothing was run"]),
        ("INST", ["posix.system"]),
        ("OBJ", ["posix.system"]),
        ("torch", ["torch._utils._rebuild_tensor_v2"]),
        ("torch, protocol 5", ["torch._utils._rebuild_tensor_v2"]),
        ("dotted through numpy", ["numpy.os.system"]),
        ("joblib", ["joblib.numpy_pickle.NumpyArrayWrapper"]),
        ("partial", ["functools.partial"]),
        ("getattr", ["getattr"]),
        ("NEWOBJ of a known name", ["NEWOBJ", "ndarray"]),
        ("subclass", ["numpy.memmap"]),
        ("persistent id", ["PERSID"]),
        ("extension 1", ["EXT1"]),
        ("shape bomb", ["8,000,000,000,000 bytes", "8 bytes"]),
        ("bytes of a terabyte", ["1,099,511,627,776", "truncated or broken"]),
        ("copies over and over", ["bomb"]),
        ("zip", ["PERSID"]),
        ("empty", ["empty"]),
    ],
)
def test_a_refusal_names_what_it_met(name: str, words: list[str]) -> None:
    with pytest.raises(CellError) as refused:
        load(in_memory(hostile(Path("canary"))[name]))
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_an_extension_that_is_registered_is_refused_all_the_same(tmp_path: Path) -> None:
    copyreg.add_extension("posix", "system", 240)
    try:
        with pytest.raises(Refused, match="EXT1"):
            load(in_memory(b"\x80\x02\x82\xf0U\x05false\x85R."))
    finally:
        copyreg.remove_extension("posix", "system", 240)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_every_truncation_is_told(protocol: int) -> None:
    data = pickle.dumps({"a": np.arange(9.0), "b": ["x", 1.5]}, protocol)
    for length in range(len(data)):
        with pytest.raises(CellError):
            load(in_memory(data[:length]))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused_or_is_data(data: bytes) -> None:
    with contextlib.suppress(CellError):
        load(in_memory(data))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_refused_or_is_data(draw: st.DataObject) -> None:
    data = bytearray(pickle.dumps(VALUES["shared"], draw.draw(st.integers(0, 5))))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(CellError):
        load(in_memory(bytes(data)))


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "MOST_STEPS", 1000)
    with pytest.raises(Refused, match="1,000 instructions"):
        load(in_memory(b"(" + b"N" * 1001 + b"l."))
    monkeypatch.setattr(unpickle, "MOST_BYTES", 1000)
    with pytest.raises(Refused, match="unpack it"):
        load(in_memory(b"N" * 1001))


def test_objects_are_not_copied_over_and_over() -> None:
    """A list that is remembered, made an array again and again: 20 x its size, of which the file has it once."""
    start = (
        op_global("numpy.core.multiarray", "_reconstruct") + b"(" + op_global("numpy", "ndarray") + b"(I0\ntS'b'\ntR"
    )
    array = start + b"(I1\n(I5000\nt" + DTYPE_O + b"I00\nh\x00tb"
    head = b"(" + b"N" * 5000 + b"lq\x00"
    assert len(load(in_memory(head + array + b"\x86."))[1]) == 5000
    with pytest.raises(Refused, match="bomb"):
        load(in_memory(head + 20 * array + b"."))
