"""After-fork resets: in their order, once in each child, and also where a fork ran no Python hooks."""

from __future__ import annotations

from support.run_python import run_python

RESETS = """
import ctypes, os, sys
from minimax_sync.net import forks
ran = []
for order in reversed(forks.Order):
    forks.after_fork(order, lambda order=order: ran.append(int(order)))
forks.renew()
assert ran == [], "nothing to reset without a fork"
child = os.fork() if sys.argv[1] == "hooks" else ctypes.PyDLL(None).fork()
if child == 0:
    if sys.argv[1] == "no hooks":
        assert ran == [], ran
    forks.renew()
    forks.renew()
    os._exit(0 if ran == sorted(map(int, forks.Order)) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ran)
"""


def test_resets_run_once_and_in_order_in_a_child() -> None:
    assert run_python(RESETS, "hooks") == "0 []"


def test_a_fork_without_python_hooks_is_noticed_by_the_next_call() -> None:
    assert run_python(RESETS, "no hooks") == "0 []"
