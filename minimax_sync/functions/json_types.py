"""Types as JSON: the schema that tells a model what to write, and the value that is made of what it wrote.

Owns what msgspec and pydantic do for `tool` and `parse`, and knows neither. Pydantic is recognised by its methods and
never imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from ..values.json_schema import place_of, property_names

_MSGSPEC_ERROR = re.compile(r"(?P<text>.*?)(?: - at `(?:key` in `)?(?P<place>\$.*)`)?", re.DOTALL)


class Misfit(Exception):
    """A value that does not fit its type. `problems` are (place, what is wrong there), a place being like "$.age".

    What is wrong may quote the value and is for the model alone; places never do.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{place}: {text}" for place, text in self.problems))


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type, references to `$defs` included; raises TypeError for one that has none."""
    if not is_pydantic(kind):
        return msgspec.json.schema(kind, schema_hook=_schema_hook)
    try:
        return dict(kind.model_json_schema())
    except RuntimeError as exc:  # pydantic's "cannot generate a JSON schema for ..."
        raise TypeError(str(exc)) from exc


def from_json(value: Any, kind: Any) -> Any:
    """Make a `kind` of a decoded JSON value; raises `Misfit`.

    Lenient where nothing is lost: M2.5 writes every tool argument as the text of an XML element (its tool calling
    guide), so that "3" may come where an integer is due, and "[1, 2]" where an array is.
    """
    if is_pydantic(kind):
        return _from_pydantic(value, kind)
    problem = ""
    for strict in (True, False):  # lenient alone, msgspec takes "1" for a number in Literal["1", 2]
        try:
            return msgspec.convert(value, kind, strict=strict, dec_hook=_dec_hook)
        except (msgspec.ValidationError, UnicodeError) as exc:
            problem = str(exc)
    if isinstance(value, str):
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            return msgspec.json.decode(value, type=kind, strict=False, dec_hook=_dec_hook)
    found = _MSGSPEC_ERROR.fullmatch(problem)
    raise Misfit([(found["place"] or "$", found["text"])] if found else [("$", problem)])


def is_pydantic(kind: Any) -> bool:
    """Tell whether `kind` is a pydantic model class (v2)."""
    return isinstance(kind, type) and hasattr(kind, "model_validate_json") and hasattr(kind, "model_json_schema")


def _from_pydantic(value: Any, kind: Any) -> Any:
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValueError as exc:
        invalid: Any = exc
    known = property_names(kind.model_json_schema())
    problems = [(place_of(detail["loc"], known), detail["msg"]) for detail in invalid.errors()]
    raise Misfit(problems)


def _schema_hook(kind: Any) -> dict[str, Any]:
    if not is_pydantic(kind):
        raise NotImplementedError  # msgspec's word for "not mine": it then says itself what it cannot do
    return schema_of(kind)


def _dec_hook(kind: Any, value: Any) -> Any:
    if not is_pydantic(kind):
        raise NotImplementedError  # as above
    try:
        return _from_pydantic(value, kind)
    except Misfit as exc:
        problem = str(exc)
    raise ValueError(problem)  # msgspec adds the place of this value
