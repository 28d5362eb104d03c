"""Python functions as tools: the decorator `tool`, and `Toolbox`, which runs the calls of one answer.

Knows no client and sends nothing. A failure of a tool goes to the model, which can react to it.
"""

from __future__ import annotations

import contextvars
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeVar, overload

import msgspec

from ..batch.threads import WorkerThreads
from ..errors import RequestError
from ..hooks.events import ToolFailed
from ..net.interrupts import WAIT_SLICE
from ..values.chunks import ToolResult
from ..values.dicts import tool_from_dict
from ..values.messages import ToolCall
from ..values.scalars import plain_scalar
from ..values.tooldef import ToolDef
from .results import as_content, described, escaped_surrogates
from .signature import Interface, interface_of

Function = TypeVar("Function", bound=Callable[..., Any])
Approve = Callable[[ToolCall], object]
"""Decides about a call: True runs it, False or None refuses it, a text refuses it and is sent to the model."""

Outcome = tuple[ToolResult, ToolFailed | None]
"""The result of a call, and the event to report if the function failed."""

Record = Callable[[ToolResult], object]

DEFAULT_WORKERS = 8
"""Threads for the calls of one round with `parallel=True`."""


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[Function], Function]: ...
def tool(function: Any = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Turn an annotated function into a tool; it can be called as before, and `tools=` takes it.

    The docstring's first paragraph is the description; `name` and `description` replace those of the function. The
    texts of parameters come from `Annotated[T, "..."]`, pydantic's `Field(description=...)`, or the docstring (Google,
    NumPy or Sphinx). Bounds and defaults are in the schema, a parameter without annotation takes any value, `**kwargs`
    takes further properties. The `ToolDef` is `.definition`. Raises `RequestError` for an async function, for `*args`,
    and for a type that has no JSON schema.

    >>> @tool(description="Return the weather of a city.")
    ... def get_weather(city: str, days: int = 1) -> dict:
    ...     return {"city": city, "degrees": 21}
    >>> get_weather.definition.name, sorted(get_weather.definition.parameters["properties"])
    ('get_weather', ['city', 'days'])
    >>> get_weather("Paris")
    {'city': 'Paris', 'degrees': 21}
    """
    if function is None:
        return functools.partial(_decorated, name=name, description=description)
    return _decorated(function, name, description)


def _decorated(function: Any, name: str | None, description: str | None) -> Any:
    definition = interface_of(function).definition()
    given = {"name": name, "description": description}
    definition = msgspec.structs.replace(definition, **{key: text for key, text in given.items() if text is not None})
    if isinstance(function, types.MethodType | type) or not hasattr(function, "__dict__"):  # takes no attributes
        function = functools.partial(function)
    vars(function)["definition"] = definition
    return function


class Toolbox:
    """The tools of one exchange: functions, which answer calls, and definitions, whose calls the caller answers.

    `parallel` is True, False or a number of threads; `approve` is called for every call before it runs.
    """

    def __init__(self, tools: object, parallel: bool | int = False, approve: Approve | None = None) -> None:
        if not isinstance(parallel, int) or (parallel < 1 and parallel is not False):
            raise RequestError("parallel must be True, False or a number of threads of at least 1")
        if approve is not None and not callable(approve):
            raise RequestError("approve must be a function that takes a ToolCall")
        self._workers = DEFAULT_WORKERS if parallel is True else int(parallel)
        self._approve = approve
        self._functions: dict[str, tuple[Callable[..., Any], Interface]] = {}
        self.definitions = tuple(map(self._take, _listed(tools)))

    def _take(self, item: object) -> ToolDef:
        if isinstance(item, ToolDef):
            return item
        if isinstance(item, Mapping):
            return tool_from_dict(item)
        if not callable(item):
            raise RequestError(f"tools must hold functions, ToolDefs or dicts, not {type(item).__name__}")
        interface = interface_of(item)
        if interface.is_unbound:
            raise RequestError(f"tool {interface.name} is a method without its object; pass the method of an instance")
        own = getattr(item, "definition", None)
        definition = own if isinstance(own, ToolDef) else interface.definition()
        self._functions[definition.name] = (item, interface)
        return definition

    def leaves_to_caller(self, calls: Iterable[ToolCall]) -> bool:
        """Return whether one of the calls is for a tool that has no function here."""
        without = {definition.name for definition in self.definitions} - self._functions.keys()
        return any(call.name in without for call in calls)

    def outcomes(
        self,
        calls: Sequence[ToolCall],
        check: Callable[[], object] = lambda: None,
        record: Record = lambda result: None,
    ) -> Iterator[Outcome]:
        """Run the calls and yield their outcomes in order. After an interrupt no further call begins.

        `check` is called before each call is approved and before it runs; what it raises ends the iteration. `record`
        is called with each result as soon as there is one, in the thread of its call, so that it is kept even if the
        iteration ends before it.
        """
        refusals = [self._refusal(call, check, record) for call in calls]
        if self._workers <= 1 or len(calls) == 1:
            for call, refusal in zip(calls, refusals, strict=True):
                yield self._outcome(call, refusal, check, record)
            return
        futures: list[Future[Outcome]] = []
        try:
            # The threads end with the calls: idle ones would keep the program alive if the iteration is left.
            with WorkerThreads(min(self._workers, len(calls)), "minimax-tool", daemon=False) as threads:
                for call, refusal in zip(calls, refusals, strict=True):
                    run = contextvars.copy_context().run
                    futures.append(threads.submit(run, self._outcome, call, refusal, check, record))
            for future in futures:
                while not wait([future], WAIT_SLICE).done:
                    continue
                yield future.result()
        finally:
            for future in futures:
                future.cancel()

    def _refusal(self, call: ToolCall, check: Callable[[], object], record: Record) -> Outcome | None:
        """Ask `approve`; return the outcome of a call that must not run."""
        if self._approve is None:
            return None
        check()
        if (answer := plain_scalar(self._approve(call))) is True:
            return None
        result = _failed(call, answer if isinstance(answer, str) else "the user did not allow this call")
        record(result)
        return result, None

    def _outcome(self, call: ToolCall, refusal: Outcome | None, check: Callable[[], object], record: Record) -> Outcome:
        if refusal is not None:
            return refusal
        check()
        outcome = self._called(call)
        record(outcome[0])
        return outcome

    def _called(self, call: ToolCall) -> Outcome:
        if call.name not in self._functions:
            known = ", ".join(self._functions)
            return _failed(call, f"there is no tool named {call.name!r}; the tools are {known}"), None
        function, interface = self._functions[call.name]
        try:
            positional, named = interface.arguments(call.arguments)
            text, images = as_content(function(*positional, **named))
        except Exception as exc:  # every exception of a tool is sent to the model, which can react to it
            return _failed(call, described(exc)), ToolFailed(tool=call.name, error_type=type(exc).__name__)
        return ToolResult(call, text, images=images), None


def _listed(tools: object) -> list[object]:
    if callable(tools) or isinstance(tools, ToolDef | Mapping):
        return [tools]
    if not isinstance(tools, Iterable) or isinstance(tools, str):
        raise RequestError(f"tools must be functions, ToolDefs or dicts, not {type(tools).__name__}")
    return list(tools)


def _failed(call: ToolCall, problem: str) -> ToolResult:
    problem = escaped_surrogates(problem)
    return ToolResult(call, problem, problem)
