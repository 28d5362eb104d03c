"""A9 to A11, A25, A30: the disk is full, read-only, without locks or mounted oddly, and descriptors run out."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.eventually import eventually
from support.run_python import run_python
from support.token_lab import bundle_at, descriptors, edit, expire, expired_plan, files_beside, in_seconds, latest_pair

from minimax_sync.auth import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError, CredentialInvalidError

STORE_FAILS = """
import logging, resource, sys
from minimax_sync.auth import TokenPlan
from minimax_sync.auth.file_rewrite import Rewrite
from minimax_sync.errors import LlmError
path, url, when = sys.argv[1:]
records = []
handler = logging.Handler()
handler.emit = lambda record: records.append(record.levelname)
logging.getLogger("minimax_sync.auth").addHandler(handler)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))  # enough for a note, not for the bundle
real = Rewrite.commit
def commit(self, bundle):
    full()
    return real(self, bundle)
if when == "before":
    full()
else:
    Rewrite.commit = commit
plan = TokenPlan(path, base_url=url)
try:
    first = plan.bearer()
    again = plan.bearer()
    print("used", first == again, "ERROR" in records)
except LlmError as error:
    print(type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
Rewrite.commit = real
plan._credential._tick()
print(plan.status().state)
"""


def test_A9_a_full_disk_is_found_before_the_token_is_spent(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    edit(path, note="x" * 1000)
    before = path.read_bytes()
    assert run_python(STORE_FAILS, path, emulator.url, "before").split("\n")[0] == "BundleError"
    # The last line of the script refreshes once there is space again.
    assert emulator.portal.posts == 1
    assert path.read_bytes() != before
    assert files_beside(path) == []


@pytest.mark.posix
def test_A9_a_rotated_pair_that_cannot_be_stored_is_used_and_stored_later(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    edit(path, note="x" * 1000)
    assert run_python(STORE_FAILS, path, emulator.url, "after").split("\n") == ["used True True", "fresh"]
    assert emulator.portal.posts == 1
    assert bundle_at(path).refresh_token.reveal() == latest_pair(emulator)["refresh_token"]
    assert files_beside(path) == []


IN_MEMORY = """
import os, resource, sys, time
from minimax_sync.auth import TokenPlan, single_flight
from minimax_sync.auth.file_rewrite import Rewrite
path, url = sys.argv[1:]
single_flight._RETRY_STORE = 0.05
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
real = Rewrite.commit
def commit(self, bundle):
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))  # enough for a record, not for the bundle
    return real(self, bundle)
Rewrite.commit = commit
plan = TokenPlan(path, base_url=url)
plan.bearer()
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    Rewrite.commit = real
    plan._credential.refresh.store_unsaved()
    os._exit(plan._credential.refresh.unsaved)
print("in memory", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
sys.stdin.readline()
Rewrite.commit = real
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
sys.stdin.readline()
"""


@pytest.mark.posix
def test_A9_others_wait_for_a_pair_in_memory_while_its_process_lives(tmp_path: Path) -> None:
    with Emulator() as emulator, _pair_in_memory(emulator, tmp_path / "bundle.json") as holder:
        tokens: list[str] = []
        other = TokenPlan(tmp_path / "bundle.json", base_url=emulator.url)
        waiter = threading.Thread(target=lambda: tokens.append(other.bearer()))
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
        _let_it_store(holder)
        waiter.join(20)
        assert tokens == [latest_pair(emulator)["access_token"]]
        assert emulator.portal.posts == 1
        assert eventually(lambda: files_beside(other.path) == [])


@pytest.mark.posix
def test_A7_a_pair_in_memory_is_lost_with_its_process_and_others_do_not_wait(tmp_path: Path) -> None:
    with Emulator() as emulator, _pair_in_memory(emulator, tmp_path / "bundle.json") as holder:
        holder.kill()
        holder.wait()
        with pytest.raises(CredentialInvalidError, match=f"process {holder.pid} at .* could not store the answer"):
            TokenPlan(tmp_path / "bundle.json", base_url=emulator.url).bearer()
        assert emulator.portal.posts == 2


@contextmanager
def _pair_in_memory(emulator: Emulator, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that could not store its new pair; its forked child must not have stored it either."""
    emulator.portal.bundle(path, ttl=-10)
    edit(path, note="x" * 1000)
    command = [sys.executable, "-c", IN_MEMORY, str(path), emulator.url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "in memory 1\n"
            yield holder
        finally:
            holder.kill()


def _let_it_store(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    holder.stdin.write("\n")
    holder.stdin.flush()


TMPFS = """
import os, sys
from minimax_sync.auth import TokenPlan
from minimax_sync.errors import BundleError
path, url = sys.argv[1:]
filler = os.path.join(os.path.dirname(path), "filler")
with open(filler, "wb") as file:
    try:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    except OSError:
        file.close = lambda: None
plan = TokenPlan(path, base_url=url)
try:
    plan.bearer()
except BundleError as error:
    print("No space left" in str(error))
os.unlink(filler)
print(bool(plan.bearer()))
os._exit(0 if sys.stdout.flush() is None else 1)
"""


@pytest.mark.posix
def test_A9_on_a_full_tmpfs_nothing_is_sent_until_there_is_space(emulator: Emulator, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    path = mount / "bundle.json"
    shell = (
        f'mount -t tmpfs -o size=64k none {mount} && cp {tmp_path}/bundle.json {path} && chmod 600 {path} && "$0" "$@"'
    )
    emulator.portal.bundle(tmp_path / "bundle.json", ttl=-10)
    mounted = subprocess.run(
        ["unshare", "-rm", "sh", "-c", shell, sys.executable, "-c", TMPFS, str(path), emulator.url],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:  # no user namespaces here: a limit on the file's size is as good
        path = tmp_path / "bundle.json"
        assert run_python(STORE_FAILS, path, emulator.url, "before").split("\n")[0] == "BundleError"
    else:
        assert mounted.stdout.split() == ["True", "True"], mounted.stderr
    assert emulator.portal.posts == 1


READ_ONLY = """
import json, os, sys
from minimax_sync.auth import TokenPlan
from minimax_sync.errors import BundleError
path, url = sys.argv[1:]
plan = TokenPlan(path, base_url=url)
try:
    print("token", plan.bearer())
except BundleError as error:
    print("refused", "cannot" in str(error), path in str(error))
"""


@pytest.mark.parametrize(("directory", "file"), [(0o555, 0o600), (0o555, 0o400), (0o755, 0o400)])
@pytest.mark.posix
def test_A10_a_bundle_that_may_only_be_read_serves_and_is_never_refreshed(
    emulator: Emulator, tmp_path: Path, directory: int, file: int
) -> None:
    folder = tmp_path / "folder"
    path = folder / "bundle.json"
    token = emulator.portal.bundle(path, ttl=3600)["access_token"]

    def ask() -> str:
        path.chmod(file)
        folder.chmod(directory)
        printed = run_python(READ_ONLY, path, emulator.url, obey_modes=True, silent=False)
        folder.chmod(0o755)
        path.chmod(0o600)
        return printed

    assert ask() == f"token {token}"
    assert [found.name for found in folder.iterdir()] == ["bundle.json"]  # no lock file either
    edit(path, expires_at=in_seconds(30))
    assert ask() == f"token {token}"
    expire(path)
    assert ask() == "refused True True"
    assert emulator.portal.posts == 0


NO_DESCRIPTORS = """
import os, resource, sys
from minimax_sync.auth import TokenPlan
from minimax_sync.auth.token_endpoint import TokenEndpoint
path, url = sys.argv[1:]
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
real = TokenEndpoint.refresh
def refresh(self, bundle, deadline):
    grant = real(self, bundle, deadline)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    return grant
TokenEndpoint.refresh = refresh
plan = TokenPlan(path, base_url=url)
token = plan.bearer()
try:
    os.open(path, os.O_RDONLY)
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(token)
"""


@pytest.mark.posix
def test_A11_storing_needs_no_descriptor_that_was_not_there_before_the_post(emulator: Emulator, path: Path) -> None:
    emulator.portal.bundle(path, ttl=-10)
    number, token = run_python(NO_DESCRIPTORS, path, emulator.url).split()
    assert int(number) == errno.EMFILE
    assert bundle_at(path).access_token.reveal() == token == latest_pair(emulator)["access_token"]
    assert files_beside(path) == []


@pytest.mark.posix
def test_A25_a_file_system_without_locks_fails_closed(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    plan = expired_plan(emulator, tmp_path / "bundle.json")
    for number in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):

        def refuse(*_: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", refuse)
            before = descriptors()
            with pytest.raises(BundleError, match="local disk"):
                plan.bearer()
            assert descriptors() == before
    assert emulator.portal.posts == 0


BIND = 'mount --bind "$1" "$1" && shift && exec "$0" "$@"'


@pytest.mark.posix
def test_A30_a_bundle_that_is_mounted_by_itself_is_found_out_before_the_post(
    emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "a bundle.json"
    emulator.portal.bundle(path, ttl=-10)
    command = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        BIND,
        sys.executable,
        str(path),
        "-c",
        READ_ONLY,
        str(path),
        emulator.url,
    ]
    bound = subprocess.run(command, capture_output=True, text=True, check=False)
    if bound.returncode == 0:
        assert bound.stdout.strip() == "refused True True"
    assert emulator.portal.posts == 0


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_A30_a_directory_that_refuses_renames_is_found_out_before_the_post(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    plan = expired_plan(emulator, tmp_path / "bundle.json")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(BundleError, match="mount the directory"):
        plan.bearer()
    assert emulator.portal.posts == 0
    assert files_beside(plan.path) == []
