"""
Reading of weight files from anywhere without running anything they say.

Safetensors and `torch.load(weights_only=True)` read most files. The others carry numpy arrays or
objects of foreign classes (Detectron2's and Caffe2's model zoos, mmcv, Lightning, whole modules,
TorchScript archives). For them there is one unpickler that builds tensors, arrays and plain
containers, and puts an `Inert` in the place of every other object.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

# How torch's format before 1.6 starts: the pickled number 0x1950A86A20F9469CFC6C.
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
# Under these keys published containers hold the weights; Caffe2's zoo says "blobs".
_CONTAINERS = ("model", "state_dict", "model_state_dict", "module", "net", "blobs")


class _Refused(pickle.UnpicklingError):
    """What a file is refused for, in words for its reader; pickle's own are for nobody."""


def safe_load(path: str | Path, *, trust_pickle: bool = False) -> Any:
    """
    Args:
        path: safetensors; torch's formats old and new; TorchScript; pickles of Python 2 and 3.
        trust_pickle: let the file run whatever code it names. Only for files you made yourself.

    Returns:
        What the file holds, on the CPU. Any: containers differ; `state_dict_of` finds the weights
        in them. Of a TorchScript archive or a pickled module it is the flat state dict.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, or no weight file at all; the message says which.
    """
    path = Path(path)
    head = _head(path)
    try:
        if _is_safetensors(head):
            return load_file(path)
        if trust_pickle:
            return _unsafe_load(path, head)
        is_torch = head.startswith((b"PK", _LEGACY_MAGIC))
        loaded = _load_torch(path, head) if is_torch else _load_pickle(path)
    except (EOFError, RuntimeError, SafetensorError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}); fetch it again.") from error
    except _Refused as error:
        raise ValueError(f"{path} cannot be read as weights: {error}.") from error
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise ValueError(f"{path} is truncated; fetch it again.") from error
        raise ValueError(
            f"{path} is no weight file; expected .safetensors, or what torch.save or pickle has "
            "written (.pth, .pt, .ckpt, .pkl)."
        ) from error
    return module_state(loaded) if isinstance(loaded, Inert) else loaded


def state_dict_of(loaded: Any) -> dict[str, Tensor]:  # Any: whatever `safe_load` returned
    """
    The weights in a container: a bare state dict, or what lies under "model", "state_dict", ...

    Entries that are no tensors or arrays are left out, and the "module." of data-parallel training
    is removed.

    Raises:
        ValueError: there are no tensors in it.
    """
    state = loaded
    while isinstance(state, dict) and (inner := [k for k in _CONTAINERS if _is_dict(state.get(k))]):
        state = state[inner[0]]
    if isinstance(state, Inert) and not state:
        state = module_state(state)
    tensors = {
        str(key): value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
        for key, value in (state.items() if isinstance(state, dict) else ())
        if isinstance(value, Tensor)
        or (isinstance(value, np.ndarray) and value.dtype.kind in "biuf")
    }
    if not tensors:
        entries = sorted(map(str, state))[:10] if isinstance(state, dict) else type(state).__name__
        raise ValueError(
            f"no tensors among {entries}; expected a state dict or a container of one."
        )
    if all(key.startswith("module.") for key in tensors):
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    return tensors


class Inert(dict):
    """
    Stands for an object whose class was not loaded: it can be looked at, and nothing of it has run.

    As a dict it holds the items of an object that was a kind of dict.

    Attributes:
        state: what the object would have been restored from; None if it had no state.
    """

    state: Any = None  # Any: the file decides

    def __new__(cls, *args: object, **kwargs: object) -> Inert:
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __call__(self, *args: object, **kwargs: object) -> Inert:
        return self

    def append(self, item: object) -> None:
        """An object that was a kind of list or set loses its items."""

    extend = add = append
    __hash__ = object.__hash__  # type: ignore[assignment]  # a dict has none, a dict's key needs one

    def __repr__(self) -> str:
        return f"<inert {type(self).__module__}.{type(self).__qualname__}>"


def module_state(module: Inert) -> dict[str, Tensor]:
    """The state dict of a module, scripted or pickled whole, that was loaded as an `Inert`."""
    found: dict[str, Tensor] = {}

    def walk(members: object, prefix: str) -> None:
        for name, value in members.items() if isinstance(members, dict) else ():
            if isinstance(value, Tensor):
                found[prefix + name] = value
            elif isinstance(value, Inert):
                walk(value.state, f"{prefix}{name}.")
            elif name in ("_parameters", "_buffers", "_modules"):
                walk(value, prefix)

    walk(module.state, "")
    return found


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _head(path: Path) -> bytes:
    """The file's first bytes; refuses what people have in the place of weights."""
    if not path.is_file():
        found = "a directory" if path.is_dir() else "not there"
        raise FileNotFoundError(f"{path} is {found}; expected a weight file.")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise ValueError(f"{path} is empty; fetch it again.")
    if head.startswith(b"version https://git-lfs"):
        raise ValueError(f"{path} is a git-lfs pointer; run `git lfs pull` where it came from.")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ValueError(f"{path} is a web page, not weights; fetch it again with the right link.")
    return head


def _is_safetensors(head: bytes) -> bool:
    """It starts with the length of its JSON header, at most 100 MB."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000


def _load_torch(path: Path, head: bytes) -> Any:
    zipped = head.startswith(b"PK")
    if not (zipped and _is_torchscript(path)):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            pass  # There is more in it than weights: ours decides what becomes of that.
    return _load_zip(path) if zipped else _load_legacy(path)


def _is_torchscript(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if not any(name.endswith("/data.pkl") for name in names):
        raise _Refused("it is a zip file without data.pkl")
    return any(name.endswith("/constants.pkl") for name in names)


def _load_zip(path: Path) -> Any:
    """torch >= 1.6, and TorchScript: `ROOT/data.pkl`, and storage k in `ROOT/data/k`."""
    with zipfile.ZipFile(path) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        root = pickled.removesuffix("data.pkl")
        storages: dict[str, Tensor] = {}

        def storage(_: str, dtype: torch.dtype, key: str, *__: object) -> Tensor:
            if key not in storages:
                data = bytearray(archive.read(f"{root}data/{key}"))
                empty = torch.empty(0, dtype=dtype)
                storages[key] = torch.frombuffer(data, dtype=dtype) if data else empty
            return storages[key]

        with archive.open(pickled) as file:
            return _Unpickler(file, storage).read()


def _load_legacy(path: Path) -> Any:
    """torch < 1.6: magic number, version, system, object, storage keys; then the storages."""
    storages: dict[str, Tensor] = {}

    def storage(
        _: str, dtype: torch.dtype, key: str, __: str, size: int, view: Any = None
    ) -> Tensor:
        whole = storages.setdefault(key, torch.empty(size, dtype=dtype))
        return whole[view[1] : view[1] + view[2]] if view else whole

    with path.open("rb") as file:
        for _ in range(3):
            _Unpickler(file).read()
        loaded = _Unpickler(file, storage).read()
        for key in _Unpickler(file).read():
            whole = storages[key]
            size = len(whole) * whole.element_size()
            # The number of elements comes first, in 8 bytes.
            data = bytearray(file.read(8 + size)[8:])
            if len(data) < size:
                raise EOFError(f"storage {key} is incomplete")
            if data:
                whole.copy_(torch.frombuffer(data, dtype=whole.dtype))
    return loaded


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        return _Unpickler(file).read()


def _unsafe_load(path: Path, head: bytes) -> Any:
    if head.startswith((b"PK", _LEGACY_MAGIC)):
        return torch.load(path, map_location="cpu", weights_only=False)
    with path.open("rb") as file:
        return pickle.load(file, encoding="latin1")


class _Unpickler(pickle.Unpickler):
    """Resolves a global to a builder of plain data or, for all others, to a subclass of `Inert`."""

    def __init__(self, file: Any, storage: Callable[..., Tensor] | None = None) -> None:
        # Python 2 wrote arrays as str: latin1 keeps their bytes.
        super().__init__(file, encoding="latin1")
        self._storage = storage

    def read(self) -> Any:
        try:
            return self.load()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "torch" and name in _DTYPES:
            return _DTYPES[name]
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        return _BUILDERS.get((module, name)) or type(name, (Inert,), {"__module__": module})

    def persistent_load(self, saved: Any) -> Any:
        if self._storage is None or saved[0] not in ("storage", "module"):
            raise pickle.UnpicklingError(f"unknown reference {saved!r}")
        return self._storage(*saved) if saved[0] == "storage" else saved[1]


# Classes of storages, and dtypes by themselves.
_DTYPES = {
    **{name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)},
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def _tensor(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    # as_strided refuses views beyond the storage.
    return storage.as_strided(size, stride, offset)


class _Dtype:
    """A numpy dtype by name and byte order only: the rest of its pickled state is not trusted."""

    def __init__(self, name: str, *_: object) -> None:
        self.value = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[3] is not None:
            raise _Refused("structured arrays are not supported")
        self.value = self.value.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that checks what it is restored from."""

    def __new__(cls, *_: object) -> _Array:
        return super().__new__(cls, (0,))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, dtype, is_fortran, data = state
        data = data.encode("latin1") if isinstance(data, str) else data
        is_list, itemsize = dtype.value.hasobject, dtype.value.itemsize
        size = math.prod(shape) * (1 if is_list else itemsize)
        if isinstance(data, list) != is_list or min(shape, default=0) < 0 or len(data) != size:
            raise _Refused(f"{len(data)} bytes for a {dtype.value} array {shape}")
        super().__setstate__((version, shape, dtype.value, is_fortran, data))


def _from_buffer(data: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(data, dtype.value).reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    data = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(data, dtype.value)[0]


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in protocol 2."""
    return text.encode("latin1" if encoding.startswith("latin") else "utf-8")


_PLAIN = (set, frozenset, list, dict, tuple, slice, complex, bytearray)
_BUILDERS: dict[tuple[str, str], Any] = {
    **{("builtins", kind.__name__): kind for kind in _PLAIN},
    ("collections", "OrderedDict"): OrderedDict,
    # The factory of a defaultdict would be code of the file's choice.
    ("collections", "defaultdict"): lambda *_: OrderedDict(),
    ("collections", "Counter"): dict,
    ("_codecs", "encode"): _encode,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
    ("torch._utils", "_rebuild_parameter_with_state"): lambda data, *_: data,
    ("torch._tensor", "_rebuild_from_type_v2"): lambda build, _, arguments, __: build(*arguments),
    # TorchScript wraps lists and dicts in these.
    ("torch.jit._pickle", "restore_type_tag"): lambda value, _: value,
    ("torch.jit._pickle", "build_intlist"): lambda items: items,
    ("torch.jit._pickle", "build_tensorlist"): lambda items: items,
    ("torch.jit._pickle", "build_doublelist"): lambda items: items,
    ("torch.jit._pickle", "build_boollist"): lambda items: items,
}
