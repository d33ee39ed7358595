"""Files of recipes: YAML with inheritance and dotted overrides, of the package or one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RECIPES = Path(__file__).parents[1] / "recipes"


def save_recipe(recipe: DataclassInstance, path: str | Path) -> None:
    """Write a recipe of any kind, defaults included, as YAML.

    Raises:
        KinelexError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(plain(asdict(recipe)), sort_keys=False), encoding="utf-8")


def read_recipe(name: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """Values of a recipe of any kind, and where they are from, for messages.

    Args:
        name: a YAML file, or the name of one that comes with the package (`recipe_names`). Its key
            `base` names a recipe (or a list of them) beside it or of the package, whose values it changes.
        overrides: dotted changes such as "tokenizer.train.steps=100".

    Raises:
        KinelexError: no such file, or broken YAML.
    """
    path = _find(Path(name))
    values = _merged_file(path, ())
    values.setdefault("name", path.stem)
    for override in overrides:
        values = _merge(values, _parse_override(override))
    return values, f"{path} with its changes" if overrides else str(path)


def recipe_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml") if not path.stem.startswith("debug"))


def _find(path: Path) -> Path:
    file = path if path.suffix in (".yaml", ".yml") else RECIPES / f"{path}.yaml"
    if not file.is_file():
        raise KinelexError(
            f"there is no recipe {str(path)!r}; give a YAML file or one of {', '.join(recipe_names())}"
        )
    return file


def _merged_file(path: Path, children: tuple[Path, ...]) -> dict[str, Any]:
    """The file's values over those of its bases."""
    if path in children:
        raise KinelexError(f"{path}: the recipe is its own base; remove the circle")
    try:
        own = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise KinelexError(f"cannot read the recipe {path}: {error.strerror}; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KinelexError(f"{path} is no valid YAML: {str(error).splitlines()[0]}; correct it") from error
    if not isinstance(own, dict):
        raise KinelexError(f"{path} must hold keys and values, not {type(own).__name__}; see the recipe cpu")
    bases = own.pop("base", [])
    values: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        inherited = _merged_file(_base(path, str(base)), (*children, path))
        inherited.pop("name", None)
        values = _merge(values, inherited)
    return _merge(values, own)


def _base(path: Path, base: str) -> Path:
    """The file that a recipe means by its base: one beside it, or one that comes with the package."""
    name = base if base.endswith((".yaml", ".yml")) else f"{base}.yaml"
    found = [file for file in (path.parent / name, RECIPES / name) if file.is_file()]
    # One's own recipe may have the name of the one that it changes.
    others = [file for file in found if file != path]
    if found:
        return (others or found)[0]
    raise KinelexError(
        f"{path}: there is no base {base!r} beside it or among {', '.join(recipe_names())}; correct `base`"
    )


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`; mappings are merged key by key, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _parse_override(override: str) -> dict[str, Any]:
    """ "a.b=3" as {"a": {"b": 3}}."""
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise KinelexError(
            f"the override {override!r} must read key.key=value, as in tokenizer.train.steps=100"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KinelexError(f"the override {override!r} has no readable value; write key.key=value") from error
    for key in reversed(keys):
        value = {key: value}
    return value


def plain(values: Any) -> Any:
    """Values with tuples as lists, for YAML."""
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    return [plain(value) for value in values] if isinstance(values, list | tuple) else values
