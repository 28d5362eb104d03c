"""The model that a client uses: a chosen one, or the default, which is replaced once if the service refuses it.

MiniMax has retired its M2.5 for pay-as-you-go keys; its reply to the old name is not documented, so all known wordings
are recognised. Facts about models come from `values.models`. Sends nothing.
"""

from __future__ import annotations

import logging
import re
import threading

from ..errors import LlmError, RequestError
from ..values.models import model_card

_log = logging.getLogger("minimax_sync.models")

# Text, which re compiles when a model is refused. {name} stands for the model's name.
_BEFORE = (
    r"(unknown|invalid|unsupported|unrecogni[sz]ed|no such|non-?existent|retired|deprecated"
    r"|not found|(not|cannot) (find|support))"
)
_AFTER = (
    r"(does not exist|doesn't exist|do not exist|not found|not exist|not available|not supported|not (a )?valid"
    r"|no longer|unavailable|unknown|invalid|unsupported|retired|deprecated|discontinued|offline|removed|sunset|closed)"
)
_CHINESE = r"(不存在|已下线|已停用|已废弃|不支持|不可用|无效|未知|未找到)"
_REFUSALS = (
    _BEFORE + r"( the)?( parameter)?( models?)?( name)?(:|=|,)? ?{name}",
    r"{name},?( model)?( is| are| was| has been| have been| name)?( currently| now)? " + _AFTER,
    r"{name} ?(模型)? ?" + _CHINESE,
    _CHINESE + r"的?(模型)? ?[:：]? ?{name}",
)


_lock = threading.Lock()
"""Shared by all instances: it is held only while a model is replaced."""


class ModelChoice:
    """The model of a client and its siblings. Thread-safe.

    `name` is the current model, `first` the one before a replacement; `is_default`: the user did not choose it.
    """

    def __init__(self, name: str, *, is_default: bool) -> None:
        self.name = self.first = name
        self.is_default = is_default
        self._is_reported = False

    def instead_of(self, refused: str, error: LlmError) -> str | None:
        """Return the model to use instead of the refused default, or None if the error is final.

        The model is replaced once, for all threads. A model that the user chose is never replaced.
        """
        if not self.is_default or not refuses_model(error, refused):
            return None
        card = model_card(refused)
        with _lock:
            if self.name == refused:
                if card is None or card.successor is None:
                    return None
                self.name = card.successor
                _log.warning(
                    "the service refuses the default model %s, so this client uses %s from now on; choose a model "
                    "with model= or MINIMAX_MODEL",
                    refused,
                    self.name,
                    extra={"model": refused, "successor": self.name},
                )
        return self.name

    def answered_by(self, asked: str, model: str) -> None:
        """Log once that another model answered than the requested one, as for retired names on a plan."""
        if self._is_reported or not model or _is_same(asked, model):
            return
        self._is_reported = True
        _log.info("%s was requested, but %s answered", asked, model, extra={"model": asked, "answered_by": model})


def refuses_model(error: LlmError, model: str) -> bool:
    """Return whether an error refuses the model: a 2013 or a 404, in the wordings of many servers."""
    if not isinstance(error, RequestError) or error.code not in (None, 2013):
        return False
    text = re.sub(r"[\"'`“”‘’「」（）()\[\]{}<>]", " ", str(error))
    text = " ".join(text.split()).lower()
    name = rf"(minimax/|minimaxai/)?{re.escape(model.lower())}(?!\.?[\w-])"
    if error.status == 404 and re.search(name, text):
        return True
    return any(re.search(refusal.replace("{name}", name), text) for refusal in _REFUSALS)


def explain_refusal(error: LlmError, model: str) -> None:
    """Add to the refusal of a retired model the name of its successor and how to choose it."""
    card = model_card(model)
    if card is not None and card.successor is not None and refuses_model(error, model):
        retired = f"{card.name} was retired on {card.retired}; " if card.retired else ""
        error.args = (f'{error}. {retired}choose its successor with model="{card.successor}" or MINIMAX_MODEL',)


def _is_same(asked: str, model: str) -> bool:
    one, other = model_card(asked), model_card(model)
    return one == other if one is not None and other is not None else asked.lower() in model.lower()
