"""Datasets by name: how to list them, and what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any  # dataset dicts and metadata hold values of any type, as in Detectron2


class _DatasetCatalog:
    """Dataset names -> functions that return their dicts."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[[], list[dict[str, Any]]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def register(self, name: str, func: Callable[[], list[dict[str, Any]]]) -> None:
        """`func` takes nothing and returns the same list of dicts whenever it is called."""
        if name in self:
            raise ValueError(
                f"dataset {name!r} is already registered; remove the first, or choose another name."
            )
        self._functions[name] = func

    def get(self, name: str) -> list[dict[str, Any]]:
        """Calls the function registered for `name`. Raises KeyError with the names there are."""
        if name not in self:
            known = ", ".join(self._functions) or "none"
            raise KeyError(f"dataset {name!r} is not registered; there are: {known}")
        return self._functions[name]()

    def list(self) -> list[str]:
        """Names, in the order of registration."""
        return list(self._functions)

    def remove(self, name: str) -> None:
        del self._functions[name]


class Metadata(SimpleNamespace):
    """What is known about a dataset, as attributes. A value, once set, cannot be changed."""

    name: str

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # pickle and copy ask for these before there is a name
            raise AttributeError(key)
        known = ", ".join(sorted(self.__dict__))
        raise AttributeError(
            f"the metadata of dataset {self.name!r} has no {key!r}; it has: {known}"
        )

    def __setattr__(self, key: str, value: Any) -> None:
        if self.__dict__.get(key, value) != value:
            raise ValueError(
                f"{key!r} of dataset {self.name!r} cannot be set to a different value: it is "
                f"{getattr(self, key)!r}, and would become {value!r}."
            )
        super().__setattr__(key, value)

    def set(self, **values: Any) -> Metadata:
        """Sets several attributes; returns itself."""
        for key, value in values.items():
            setattr(self, key, value)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        return self.__dict__.get(key, default)

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


class _MetadataCatalog:
    """Dataset names -> their metadata, made empty when first asked for."""

    def __init__(self) -> None:
        self._metadata: dict[str, Metadata] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._metadata

    def get(self, name: str) -> Metadata:
        return self._metadata.setdefault(name, Metadata(name=name))

    def list(self) -> list[str]:
        return list(self._metadata)

    def remove(self, name: str) -> None:
        del self._metadata[name]


DatasetCatalog = _DatasetCatalog()
MetadataCatalog = _MetadataCatalog()
