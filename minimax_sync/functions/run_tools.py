"""Python functions as tools: the decorator, and the loop that calls what the model asks for until it answers.

Knows no client: it is handed what asks and what reports. A failure of a tool goes to the model, which can react to it.
"""

from __future__ import annotations

import contextvars
import functools
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar, overload

import msgspec

from ..batch.threads import WorkerThreads
from ..errors import RequestError
from ..hooks.events import Event, ToolFailed
from ..values.messages import ChatMessage, ToolCall
from ..values.openai_dicts import tool_from_dict
from ..values.request import ChatRequest, as_request
from ..values.response import ChatResponse
from ..values.tooldef import ToolDef
from ..values.usage import TokenUsage
from .results import as_text, escaped_surrogates
from .signature import Interface, interface_of

Function = TypeVar("Function", bound=Callable[..., Any])
Ask = Callable[[ChatRequest], ChatResponse]
Emit = Callable[[Event], None]
_Told = tuple[ChatMessage, ToolFailed | None]

DEFAULT_WORKERS = 8
"""Threads for the calls of one round with `parallel=True`."""


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[Function], Function]: ...
def tool(function: Any = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Make a tool of an annotated function; it can be called as before, and `tools=` takes it.

    The docstring's first paragraph is the description; `name` and `description` replace what the function says. The
    texts of parameters come from `Annotated[T, "..."]`, a Google `Args:` section or `:param x:` fields. A default is
    told, a parameter without annotation takes anything, `**kwargs` further properties. The `ToolDef` is `.definition`.
    Raises `RequestError` for an async function, for `*args`, and for a type that has no JSON schema.
    """
    if function is None:
        return functools.partial(_decorated, name=name, description=description)
    return _decorated(function, name, description)


def _decorated(function: Any, name: str | None, description: str | None) -> Any:
    definition = interface_of(function).definition()
    given = {"name": name, "description": description}
    definition = msgspec.structs.replace(definition, **{key: text for key, text in given.items() if text is not None})
    if isinstance(function, types.MethodType) or not hasattr(function, "__dict__"):  # no place of its own to carry it
        function = functools.partial(function)
    vars(function)["definition"] = definition
    return function


class Toolbox:
    """The tools of one exchange: functions, which answer calls, and definitions that leave the answer to the caller."""

    def __init__(self, tools: object, parallel: bool | int) -> None:
        if not isinstance(parallel, int) or (parallel < 1 and parallel is not False):
            raise RequestError("parallel must be True, False or the number of threads, from 1")
        self._workers = DEFAULT_WORKERS if parallel is True else int(parallel)
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
            raise RequestError(f"tool {interface.name} is a method without its object; give the method of an object")
        own = getattr(item, "definition", None)
        definition = own if isinstance(own, ToolDef) else interface.definition()
        self._functions[definition.name] = (item, interface)
        return definition

    def leaves_to_caller(self, calls: Iterable[ToolCall]) -> bool:
        """Tell whether one of the calls is for a tool that has no function here."""
        without = {definition.name for definition in self.definitions} - self._functions.keys()
        return any(call.name in without for call in calls)

    def results(self, calls: Sequence[ToolCall]) -> list[_Told]:
        """Call the functions and return their results in the order of the calls; on Ctrl-C the rest is not begun."""
        if self._workers <= 1 or len(calls) == 1:
            return [self._result(call) for call in calls]
        threads = WorkerThreads(min(self._workers, len(calls)), "minimax-tool", daemon=False)
        futures: list[Future[_Told]] = []
        try:
            for call in calls:
                futures.append(threads.submit(contextvars.copy_context().run, self._result, call))
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
            threads.shutdown()

    def _result(self, call: ToolCall) -> _Told:
        if call.name not in self._functions:
            known = ", ".join(self._functions)
            return _failure(call, f"there is no tool named {call.name!r}; the tools are {known}"), None
        function, interface = self._functions[call.name]
        try:
            positional, named = interface.arguments(call.arguments)
            result = as_text(function(*positional, **named))
        except Exception as exc:  # whatever a tool raises is the model's to handle
            kind = type(exc).__name__
            return _failure(call, f"{kind}: {exc}"), ToolFailed(tool=call.name, error_type=kind)
        return ChatMessage.tool_result(call.id, result, call.name), None


def _listed(tools: object) -> list[object]:
    if callable(tools) or isinstance(tools, ToolDef | Mapping):
        return [tools]
    if not isinstance(tools, Iterable) or isinstance(tools, str):
        raise RequestError(f"tools must be functions, ToolDefs or dicts, not {type(tools).__name__}")
    return list(tools)


def _failure(call: ToolCall, problem: str) -> ChatMessage:
    return ChatMessage.tool_result(call.id, escaped_surrogates(problem), call.name, is_error=True)


def run_tools(
    ask: Ask,
    emit: Emit,
    input: object,
    tools: object,
    *,
    max_rounds: int = 10,
    parallel: bool | int = False,
    options: Mapping[str, Any],
) -> ChatResponse:
    """Ask and call tools in turn until the answer asks for none; see `MiniMaxClient.run_tools`."""
    if not isinstance(max_rounds, int) or max_rounds < 1:
        raise RequestError("max_rounds must be a whole number from 1")
    toolbox = Toolbox(tools, parallel)
    request = as_request(input, {**options, "tools": toolbox.definitions})
    usage = TokenUsage()
    for round_number in range(1, max_rounds + 1):
        response = ask(request)
        usage += response.usage
        messages = (*request.messages, response.message)
        calls = response.tool_calls
        if not calls or round_number == max_rounds or toolbox.leaves_to_caller(calls):
            break
        results, failures = zip(*toolbox.results(calls), strict=True)
        for failure in filter(None, failures):
            emit(failure)
        # A choice that forces a call holds for the first round alone: it would force one for ever.
        choice = request.tool_choice if request.tool_choice == "none" else None
        request = msgspec.structs.replace(request, messages=(*messages, *results), tool_choice=choice)
    return msgspec.structs.replace(response, messages=messages, usage=usage)
