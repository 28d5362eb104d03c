"""Run the rows, interleaved, and print the table."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, contenders_of
from cores import pin_client
from measures import ROWS, Bench, Row
from own import OWN_ROWS
from plot import draw
from shares import print_shares


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", action="append", help="measure the rows whose name holds this; may be repeated")
    parser.add_argument("--wire", choices=["openai", "anthropic"], default="openai")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 when a row of function calls misses its target")
    parser.add_argument("--plot", metavar="FILE", help="draw how cost grows, instead of the table")
    parser.add_argument("--profile", action="store_true", help="print where our own time goes, instead of the table")
    arguments = parser.parse_args()

    def is_wanted(row: str) -> bool:
        return any(word in row for word in arguments.only or [""])

    pin_client()
    command = [sys.executable, str(Path(__file__).with_name("server.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        plain, secure, certificate = server.stdout.readline().split()
        os.environ["REQUESTS_CA_BUNDLE"] = certificate
        url = f"http://127.0.0.1:{plain}"
        names = contenders_of(arguments.wire)
        made = {name: CONTENDERS[name](url, arguments.wire) for name in names}
        bench = Bench(url, f"https://localhost:{secure}", certificate, arguments.wire, made)
        if arguments.plot:
            draw(bench, names, arguments.plot)
        elif arguments.profile:
            print_shares(bench)
        else:
            results = [result(bench, row, names) for row in ROWS if is_wanted(row.name)]
            own = {name: measure(bench) for name, measure in OWN_ROWS.items() if is_wanted(name)}
        server.communicate()
    if arguments.plot or arguments.profile:
        return 0
    if arguments.json:
        absolute = {name: {"value": value, "text": words} for name, (value, words) in own.items()}
        print(json.dumps({"rows": results, "own": absolute}, indent=1))
    else:
        print_table(results, names, {name: words for name, (_, words) in own.items()})
    missed = [each["name"] for each in results if each["unit"] == "calls" and not each["met"]]
    if arguments.check and missed:
        print("more function calls than the target allows:", ", ".join(missed), file=sys.stderr)
        return 1
    return 0


def result(bench: Bench, row: Row, names: list[str]) -> dict[str, Any]:
    """Measure one row, the contenders taking turns, and judge ours.

    A ratio is the median of those of each turn: a machine that is shared changes its pace from one turn to the next.
    """
    measured: dict[str, list[float]] = {name: [] for name in names if name in row.only}
    for turn in range(row.repeats):  # in alternating order, so that no contender always runs after the heaviest
        for name, values in list(measured.items())[:: -1 if turn % 2 else 1]:
            values.append(row.measure(bench, name))
    middle = {name: statistics.median(values) for name, values in measured.items()}
    base = measured["requests"]
    ratios = {name: _median_ratio(values, base) for name, values in measured.items()} if all(base) else {}
    ours = middle["ours"] if row.absolute else ratios["ours"]
    spread = (max(measured["ours"]) - min(measured["ours"])) / middle["ours"] if middle["ours"] else 0.0
    return {
        "name": row.name,
        "unit": row.unit,
        "median": middle,
        "ratio": ratios,
        "spread": spread,
        "target": row.target,
        "absolute": row.absolute,
        "met": ours >= row.target if row.more_is_better else ours <= row.target,
    }


def _median_ratio(values: list[float], base: list[float]) -> float:
    return statistics.median(value / each for value, each in zip(values, base, strict=True))


def print_table(results: list[dict[str, Any]], names: list[str], own: dict[str, str]) -> None:
    """Print ratios to requests, and our own figure."""
    if results:
        print(f"{'':52}{'ours':>11} {'':6}{'target':>8} {'':4}" + "".join(f"{name:>10}" for name in names))
    for each in results:
        target = f"{each['target']:g}" + ("" if each["absolute"] else "x")
        cells = "".join(f"{each['ratio'][name]:>9.2f}x" if name in each["ratio"] else f"{'-':>10}" for name in names)
        verdict = "ok" if each["met"] else "MISS"
        ours = f"{each['median']['ours']:>11.4g} {each['unit']:6}"
        print(f"{each['name']:52}{ours}{target:>8} {verdict:4}{cells}  +-{each['spread'] / 2:.0%}")
    for name, words in own.items():
        print(f"{name:52}{words}")
    if results:
        versions = (
            f"{name} {importlib.metadata.version(name)}" for name in ("requests", "urllib3", "openai", "anthropic")
        )
        print(f"\nratios are to requests; {', '.join(versions)}")
        print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    sys.exit(main())
