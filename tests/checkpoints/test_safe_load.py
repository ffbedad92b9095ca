"""Every container is made here, by the code that makes it in the wild where that can be had."""

from __future__ import annotations

import argparse
import collections
import functools
import os
import pickle
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zs3.checkpoints.safe_load import Inert, safe_load, state_dict_of

STATE = {
    "conv.weight": torch.arange(24.0).reshape(2, 3, 2, 2),
    "conv.bias": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "count": torch.tensor(7),
    "transposed": torch.arange(6).reshape(2, 3).T,
    "empty": torch.empty(0, 4),
}


class Foreign:
    """A class the file names and the loader must not touch."""

    def __init__(self) -> None:
        self.cause = "work"


class Evil:
    """Runs a command wherever it is unpickled the ordinary way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.target}",)


def assert_same(got: dict, expected: dict) -> None:
    assert list(got) == list(expected)
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, rtol=0, atol=0)


def test_safetensors_by_content_whatever_the_name(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2, 3)}, tmp_path / "weights.pth")

    assert_same(safe_load(tmp_path / "weights.pth"), {"a": torch.ones(2, 3)})


@pytest.mark.parametrize("new_format", [True, False])
def test_torch_files_of_weights(tmp_path: Path, new_format: bool) -> None:
    torch.save(
        {"model": STATE, "iteration": 5},
        tmp_path / "w.pth",
        _use_new_zipfile_serialization=new_format,
    )

    loaded = safe_load(tmp_path / "w.pth")

    assert loaded["iteration"] == 5
    assert_same(state_dict_of(loaded), STATE)


@pytest.mark.parametrize("new_format", [True, False])
def test_torch_files_with_foreign_objects(tmp_path: Path, new_format: bool) -> None:
    meta = {
        "config": Foreign(),
        "options": argparse.Namespace(lr=0.1),
        "history": collections.defaultdict(list, loss=[1.0]),
        "root": Path("somewhere"),
        "scalar": np.float64(0.25),
        "rows": np.arange(4, dtype=">i2").reshape(2, 2),
    }
    shared = torch.arange(10.0)
    state = {**STATE, "view": shared[2:5], "same": shared, "parameter": nn.Parameter(torch.ones(2))}
    torch.save(
        {"meta": meta, "state_dict": state},
        tmp_path / "w.pth",
        _use_new_zipfile_serialization=new_format,
    )

    loaded = safe_load(tmp_path / "w.pth")

    assert isinstance(loaded["meta"]["config"], Inert)
    assert loaded["meta"]["config"].state == {"cause": "work"}
    assert loaded["meta"]["options"].state == {"lr": 0.1}
    assert loaded["meta"]["history"] == {"loss": [1.0]}
    assert "pathlib" in repr(loaded["meta"]["root"])
    assert loaded["meta"]["scalar"] == 0.25
    assert loaded["meta"]["rows"].tolist() == [[0, 1], [2, 3]]
    assert_same(state_dict_of(loaded), {**state, "parameter": torch.ones(2)})


@pytest.mark.parametrize("protocol", [2, 4])
def test_plain_pickles_of_arrays_as_in_model_zoos(tmp_path: Path, protocol: int) -> None:
    arrays = {
        "stem.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "n": np.array(3, np.int64),
    }
    zoo = {"model": arrays, "__author__": "torchvision", "matching_heuristics": True}
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps(zoo, protocol))

    loaded = safe_load(tmp_path / "R-50.pkl")

    assert loaded["__author__"] == "torchvision"
    assert_same(
        state_dict_of(loaded), {key: torch.from_numpy(value) for key, value in arrays.items()}
    )


def test_a_pickle_of_python_2_keeps_its_bytes(tmp_path: Path) -> None:
    # {"blobs": {"w": np.array([1.0, -2.0], "f4")}} in protocol 1 of Python 2.7: bytes are str.
    data = (
        b"}q\x00U\x05blobsq\x01}q\x02U\x01wq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04(cnumpy\nndarray\nq\x05"
        b"(K\x00tq\x06U\x01bq\x07tq\x08Rq\x09(K\x01(K\x02tq\x0acnumpy\ndtype\nq\x0b(U\x02f4q\x0cK\x00K\x01tq\x0dRq\x0e"
        b"(K\x03U\x01<q\x0fNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x10b"
        b"I00\nU\x08\x00\x00\x80?\x00\x00\x00\xc0q\x11tq\x12bss."
    )
    (tmp_path / "R-101.pkl").write_bytes(data)

    assert_same(state_dict_of(safe_load(tmp_path / "R-101.pkl")), {"w": torch.tensor([1.0, -2.0])})


def test_arrays_of_objects_and_fortran_order(tmp_path: Path) -> None:
    names = np.array(["cat", None, 3], dtype=object)
    columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"names": names, "columns": columns}, 5))

    loaded = safe_load(tmp_path / "w.pkl")

    assert loaded["names"].tolist() == ["cat", None, 3]
    assert loaded["columns"].tolist() == columns.tolist()


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("steps", torch.tensor(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) * self.steps


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.scale = nn.Parameter(torch.tensor([0.5, 2.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) * self.scale


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_archives_are_read_without_being_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Whole()
    torch.jit.save(torch.jit.trace(model, torch.ones(1, 3)), tmp_path / "ViT.pt")
    monkeypatch.setattr(torch.jit, "load", None)

    state = safe_load(tmp_path / "ViT.pt")

    assert set(state) == set(model.state_dict())
    assert_same({key: state[key] for key in model.state_dict()}, model.state_dict())


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_module_that_was_pickled_whole_gives_its_state(tmp_path: Path, new_format: bool) -> None:
    model = Whole()
    torch.save({"net": model}, tmp_path / "w.pth", _use_new_zipfile_serialization=new_format)

    state = state_dict_of(safe_load(tmp_path / "w.pth"))

    assert_same({key: state[key] for key in model.state_dict()}, model.state_dict())


@pytest.mark.parametrize("writer", ["pickle", "zip", "legacy"])
def test_nothing_in_a_file_is_run(tmp_path: Path, writer: str) -> None:
    path, target = tmp_path / "w.pth", tmp_path / "touched"
    content = {"weight": np.ones(2, np.float32), "payload": Evil(target)}
    if writer == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=writer == "zip")

    loaded = safe_load(path)

    assert isinstance(loaded["payload"], Inert)
    assert_same(state_dict_of(loaded), {"weight": torch.ones(2)})
    assert not target.exists()
    safe_load(path, trust_pickle=True)
    assert target.exists()


def test_a_model_zoos_pickle_cannot_run_anything_beside_its_arrays(tmp_path: Path) -> None:
    trap = Evil(tmp_path / "touched")
    arrays = {"stem.weight": np.ones((2, 3), np.float32), "stem.bias": trap}
    zoo = {"model": arrays, "__author__": trap, "matching_heuristics": trap}
    (tmp_path / "model_final.pkl").write_bytes(pickle.dumps(zoo))

    loaded = safe_load(tmp_path / "model_final.pkl")

    assert isinstance(loaded["__author__"], Inert)
    assert_same(state_dict_of(loaded), {"stem.weight": torch.ones(2, 3)})
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "name",
    [
        "builtins.eval",
        "builtins.getattr",
        "nt.system",
        "torch.hub.load",
        "numpy.load",
        "functools.partial",
    ],
)
def test_functions_are_inert_too(tmp_path: Path, name: str) -> None:
    module, function = name.rsplit(".", 1)
    call = b"c" + module.encode() + b"\n" + function.encode() + b"\n(S'1/0'\ntR."
    (tmp_path / "w.pkl").write_bytes(call)

    assert safe_load(tmp_path / "w.pkl") == {}


class Indirect(Evil):
    """Calls an object that was itself unpickled, as the key of a dict."""

    def __reduce__(self) -> tuple:
        return functools.partial(os.system, f"touch {self.target}"), ()


def test_inert_objects_may_be_called_and_be_keys(tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({Indirect(tmp_path / "touched"): Foreign()}))

    ((key, value),) = safe_load(tmp_path / "w.pkl").items()

    assert isinstance(key, Inert) and isinstance(value, Inert)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("shape, data", [((3,), b"\0" * 8), ((-1, -2), b"\0" * 8), ((1,), [1, 2])])
def test_arrays_that_do_not_hold_what_they_say_are_refused(
    tmp_path: Path, shape: tuple, data: object
) -> None:
    class Lying:
        def __reduce__(self) -> tuple:
            build, arguments, _ = np.ones(1, np.float32).__reduce__()
            return build, arguments, (1, shape, np.dtype("f4"), False, data)

    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Lying()))

    with pytest.raises(ValueError, match="for a float32 array"):
        safe_load(tmp_path / "w.pkl")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"cbuiltins\nset\n(I1\ntR.", r"w\.pkl is no weight file; expected \.safetensors"),
        (b"S'x'\nQ.", r"w\.pkl is no weight file; expected \.safetensors"),
        (pickle.dumps(np.zeros(2, [("x", "f4")])), "structured arrays are not supported"),
    ],
)
def test_pickles_that_build_nothing_sensible_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "w.pkl").write_bytes(content)

    with pytest.raises(ValueError, match=message):
        safe_load(tmp_path / "w.pkl")


def test_views_beyond_their_storage_are_refused(tmp_path: Path) -> None:
    torch.save({"meta": Foreign(), "w": torch.arange(4.0)}, tmp_path / "good.pth")
    with (
        zipfile.ZipFile(tmp_path / "good.pth") as good,
        zipfile.ZipFile(tmp_path / "bad.pth", "w") as bad,
    ):
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(name, data[:8] if name.endswith("data/0") else data)

    with pytest.raises(ValueError, match=r"bad\.pth is truncated or damaged"):
        safe_load(tmp_path / "bad.pth")


def test_missing_empty_and_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"w\.pth is not there"):
        safe_load(tmp_path / "w.pth")
    with pytest.raises(FileNotFoundError, match="is a directory"):
        safe_load(tmp_path)
    for content, message in [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>Quota exceeded</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-lfs pointer"),
        (b"hello", r"w\.pth is no weight file; expected \.safetensors, or .*\.pkl\)\.$"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), r"w\.pth is no weight file; expected \.safetensors"),
    ]:
        (tmp_path / "w.pth").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            safe_load(tmp_path / "w.pth")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.ones(3))

    with pytest.raises(ValueError, match=r"without data\.pkl"):
        safe_load(tmp_path / "w.npz")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.98])
@pytest.mark.parametrize(
    "kind", ["safetensors", "zip", "zip-foreign", "legacy", "legacy-foreign", "pickle"]
)
def test_truncated_files_are_called_truncated(tmp_path: Path, kind: str, keep: float) -> None:
    path = tmp_path / "w"
    state = {"a": torch.randn(50, 7), "b": torch.randn(40)}
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({key: value.numpy() for key, value in state.items()}))
    else:
        content = {**state, "meta": Foreign()} if kind.endswith("foreign") else state
        torch.save(content, path, _use_new_zipfile_serialization=kind.startswith("zip"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])

    with pytest.raises(ValueError, match="truncated"):
        safe_load(path)


@pytest.mark.parametrize(
    "container",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "meta": {}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {**state, "input_resolution": 224, "names": ["cat"]},
        lambda state: types.MappingProxyType({"model": state}).copy(),
    ],
)
def test_state_dicts_are_found_in_common_containers(container) -> None:
    assert_same(state_dict_of(container(STATE)), STATE)


def test_an_object_without_tensors_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no tensors among \['epoch', 'lr'\]"):
        state_dict_of({"lr": 0.1, "epoch": 3})
    with pytest.raises(ValueError, match="no tensors among list"):
        state_dict_of([torch.ones(1)])
