"""Docstrings: descriptions and the texts of parameters, in the three styles."""

from __future__ import annotations

import inspect

import pytest

from minimax_sync.functions.docstrings import read_docstring

GOOGLE = """Search the catalogue
    for a text.

    Ask the user first.

    Args:
        query (str): What to look for.
        mode (dict(str, int)): One of:
            - "fast": quick
            - "deep": all

            The default is fine.
        **more: The rest: at most 50.

    Keyword Args:
        limit: Max number.

    Returns:
        hits: A list.
    """

NUMPY = """Return the weather.

    Parameters
    ----------
    city : str
        The city's name,
        in English.

        Never a country.
    days, hours : int, optional
        How many.
    plain

    Returns
    -------
    text : str
        Not a parameter.

    Other Parameters
    ----------------
    *unit : {"C", "F"}
        Of the temperatures.
    """

SPHINX = """Return the weather.

    :param city: The city's name,
        in English.
    :type city: str
    :param int days: How many days.

        No more than ten.
    :keyword unit: Of the temperatures.
    :raises ValueError: never
        at all
    :returns: text
    """


@pytest.mark.parametrize(
    ("doc", "description", "texts"),
    [
        ("", "", {}),
        ("One line.", "One line.", {}),
        ("Args:\n    x: a number\n    y: more", "", {"x": "a number", "y": "more"}),
        (
            GOOGLE,
            "Search the catalogue for a text.",
            {
                "query": "What to look for.",
                "mode": 'One of: - "fast": quick - "deep": all The default is fine.',
                "more": "The rest: at most 50.",
                "limit": "Max number.",
            },
        ),
        (
            NUMPY,
            "Return the weather.",
            {
                "city": "The city's name, in English. Never a country.",
                "days": "How many.",
                "hours": "How many.",
                "unit": "Of the temperatures.",
            },
        ),
        (
            SPHINX,
            "Return the weather.",
            {
                "city": "The city's name, in English.",
                "days": "How many days. No more than ten.",
                "unit": "Of the temperatures.",
            },
        ),
        ("Do it.\n\n@param city: The name.\n@return: text", "Do it.", {"city": "The name."}),
        ("Parameters\n----------\nx : int\n    A number.", "", {"x": "A number."}),
        ("Do it.\nArgs:\n    x: a number\nReturns:\n    w: nothing", "Do it.", {"x": "a number"}),
        ("Do it.\n\nArguments:\n    not an entry at all\n    x:\n        below", "Do it.", {"x": "below"}),
        ("Do it.\n\nNote:\n    x: not a parameter", "Do it.", {}),
        ("Do it.\n\nExample\n-------\nx : not a parameter\n    at all", "Do it.", {}),
    ],
)
def test_a_docstring_is_read(doc: str, description: str, texts: dict[str, str]) -> None:
    assert read_docstring(inspect.cleandoc(doc)) == (description, texts)
