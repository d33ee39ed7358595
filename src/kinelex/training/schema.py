"""Strict dataclasses from plain mappings: every key must exist, every value must fit its type."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from kinelex.errors import KinelexError

T = TypeVar("T")


def from_mapping(kind: type[T], values: Any, source: str, path: str = "") -> T:
    """Build a dataclass, and the dataclasses inside it, from nested mappings.

    Args:
        kind: the dataclass; fields that the mapping leaves out keep their defaults.
        values: what a YAML file holds.
        source: file name, for messages.
        path: dotted path of `values` within the file, for messages.

    Raises:
        KinelexError: unknown or missing key, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise KinelexError(
            f"{source}: {path or 'the recipe'} must be a mapping of keys to values, not {values!r}"
        )
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise KinelexError(_unknown_key(str(key), known, source, path))
    arguments = {key: _value(hints[key], values[key], source, _join(path, key)) for key in values}
    try:
        return kind(**arguments)
    except TypeError:
        missing = [name for name in known if name not in values and not _has_default(kind, name)]
        raise KinelexError(f"{source}: {_join(path, missing[0])} is missing; add it") from None
    except KinelexError as error:
        raise KinelexError(f"{source}: {path + ': ' if path else ''}{error}") from None


def _value(kind: Any, value: Any, source: str, path: str) -> Any:
    """`value` as the type `kind`."""
    if is_dataclass(kind):
        return from_mapping(kind, value, source, path)  # type: ignore[arg-type]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value in arguments:
            return value
        raise KinelexError(f"{source}: {path} is {value!r}; choose one of {', '.join(map(str, arguments))}")
    if origin in (Union, types.UnionType) and type(None) in arguments:
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(inner, value, source, path)
    if origin is dict:
        if isinstance(value, Mapping):
            return {
                key: _value(arguments[1], item, source, _join(path, str(key))) for key, item in value.items()
            }
        raise KinelexError(f"{source}: {path} is {value!r}; it must be a mapping of keys to values")
    if origin is tuple:
        return _sequence(arguments, value, source, path)
    if kind is float:
        return _number(value, source, path)
    # bool is an int in Python, but "steps: true" is a mistake.
    if type(value) is kind:
        return value
    raise KinelexError(f"{source}: {path} is {value!r}; it must be {_ARTICLES.get(kind, kind.__name__)}")


_ARTICLES = {int: "a whole number", bool: "true or false", str: "a text"}


def _sequence(arguments: tuple[Any, ...], value: Any, source: str, path: str) -> tuple[Any, ...]:
    """tuple[T, ...] or tuple[A, B] from a YAML list."""
    if not isinstance(value, list | tuple):
        raise KinelexError(f"{source}: {path} is {value!r}; it must be a list, as in [1, 2]")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise KinelexError(f"{source}: {path} has {len(value)} values; it needs {len(arguments)}")
    pairs = zip(arguments, value, strict=True)
    return tuple(_value(kind, item, source, f"{path}[{i}]") for i, (kind, item) in enumerate(pairs))


def _number(value: Any, source: str, path: str) -> float:
    """A float; YAML reads 2e-4 as a text, which is accepted as the number it looks like."""
    if not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise KinelexError(f"{source}: {path} is {value!r}; it must be a number")


def _unknown_key(key: str, known: list[str], source: str, path: str) -> str:
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else f"known keys: {', '.join(known)}"
    return f"{source}: unknown key {_join(path, key)}; {advice}"


def _has_default(kind: Any, name: str) -> bool:
    field = next(field for field in fields(kind) if field.name == name)
    return field.default is not MISSING or field.default_factory is not MISSING


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
