"""PET's own PostgreSQL against real servers: starting, sharing, stopping, crashes, and the account it runs as."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from pet_graph import postgres
from pet_graph.postgres import Embedded, PostgresFailed, acquire

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
ROOT = os.geteuid() == 0
SOURCES = Path(postgres.__file__).parents[1]
PRELUDE = f"""
import os, sys, time
from pathlib import Path
from pet_graph import postgres
postgres.STORE = Path(sys.argv[1])
data = Path(sys.argv[2])
FAST = {FAST!r}
"""
HOLD = "lease = postgres.acquire(data, FAST); print(postgres._postmaster(lease.server.cluster)[0], flush=True)\n"
WAIT = "sys.stdin.read()\n"
needs_root = pytest.mark.skipif(not ROOT, reason="only root has to step down to another account")


@contextlib.contextmanager
def folder_for_all() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pet-test-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", autouse=True)
def store() -> Iterator[Path]:
    """Stands in for the folder that root uses on the whole machine."""
    with folder_for_all() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "STORE", folder / "store")
        yield folder / "store"


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("used")


@pytest.fixture
def data(used_folder: Path) -> Iterator[Path]:
    """A data directory that the tests before this one may have used; no server runs on it."""
    yield used_folder / "data"
    end(used_folder / "data")


@pytest.fixture
def fresh_data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    end(tmp_path / "data")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can reach, which pytest's own are not."""
    with folder_for_all() as folder:
        yield folder


@pytest.fixture
def open_data(open_folder: Path) -> Iterator[Path]:
    yield open_folder / "data"
    end(open_folder / "data")


@pytest.fixture
def python(store: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python processes that have `data`, `postgres` and FAST; they are killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, data: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script, str(store), str(data), *arguments],
            cwd=SOURCES,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(data: Path) -> None:
    """Stop what still runs on a data directory, however the test went."""
    cluster = (data / "cluster").resolve()
    pid, _ = postgres._postmaster(cluster)
    if postgres._runs_here(pid, cluster):
        os.kill(pid, signal.SIGQUIT)
        eventually(lambda: not postgres._runs_here(pid, cluster))


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def running(server: Embedded) -> int:
    """The pid of the server's living postmaster, 0 when there is none."""
    pid, _ = postgres._postmaster(server.cluster)
    return pid if postgres._runs_here(pid, server.cluster) else 0


def ask(server: Embedded, query: str, database: str = "postgres") -> object:
    async def go() -> object:
        connection = await asyncpg.connect(server.url(database))
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(go())


def kill_postmaster(server: Embedded) -> None:
    pid = running(server)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not postgres._runs_here(pid, server.cluster))


def held_pid(holder: subprocess.Popen[str]) -> int:
    assert holder.stdout is not None
    line = holder.stdout.readline()
    assert line, holder.communicate()[1]
    return int(line)


def test_an_acquired_server_answers_with_our_settings_and_only_on_its_socket(data: Path) -> None:
    with acquire(data, FAST) as lease:
        assert ask(lease.server, "select current_user") == "pet"
        assert ask(lease.server, "show max_connections") == "20"
        assert ask(lease.server, "show max_wal_size") == "2GB"
        assert ask(lease.server, "show listen_addresses") == ""
        assert ask(lease.server, "show data_checksums") == "on"
        assert ask(lease.server, "show server_encoding") == "UTF8"
        assert lease.server.sockets.stat().st_mode & 0o777 == 0o700
        assert lease.server.data == data


def test_the_defaults_hold_without_settings(data: Path) -> None:
    with acquire(data) as lease:
        assert ask(lease.server, "show max_connections") == "400"
        assert ask(lease.server, "show shared_buffers") == "256MB"
        assert ask(lease.server, "show fsync") == "on"


def test_the_url_reaches_a_database_and_a_folder_with_odd_names(tmp_path: Path) -> None:
    data = tmp_path / "a b&c=d%20é,?#"
    try:
        with acquire(data, FAST) as lease:
            ask(lease.server, 'create database "odd /?&name"')
            assert ask(lease.server, "select current_database()", "odd /?&name") == "odd /?&name"
    finally:
        end(data)


def test_the_url_encodes_a_socket_folder_for_asyncpg_and_libpq(open_folder: Path) -> None:
    data = open_folder / "a b&%20é?#+"
    try:
        with acquire(data, FAST) as lease:
            assert lease.server.sockets == data / "sockets"
            assert ask(lease.server, "select 7") == 7
            psql = [str(postgres.binaries() / "psql"), lease.server.url(), "-Atc", "select 7"]
            assert subprocess.run(psql, capture_output=True, check=True).stdout == b"7\n"
    finally:
        end(data)


def test_variables_meant_for_other_servers_do_not_lead_astray(
    fresh_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPORT", "PGDATA", "PGHOST", "PGUSER"):
        monkeypatch.setenv(name, "6000")
    with monkeypatch.context() as patch:
        patch.setenv("PGSERVICE", "nowhere")
        lease = acquire(fresh_data, FAST)
    with lease:
        assert ask(lease.server, "select current_user") == "pet"


def test_a_second_acquire_finds_the_same_server(data: Path) -> None:
    with acquire(data, FAST) as first:
        pid = running(first.server)
        with acquire(data, FAST) as second:
            assert running(second.server) == pid
            assert second.server == first.server
            assert not second.ensure_running()


def test_the_server_stays_until_the_last_holder_releases_it(data: Path) -> None:
    first, second = acquire(data, FAST), acquire(data, FAST)
    first.release()
    first.release()
    assert ask(second.server, "select 1") == 1
    before = (data / "postgres.log").stat().st_size
    second.release()
    assert running(second.server) == 0
    assert b"database system is shut down" in (data / "postgres.log").read_bytes()[before:]


def test_a_released_lease_does_not_start_the_server_again(data: Path) -> None:
    lease = acquire(data, FAST)
    lease.release()
    with pytest.raises(PostgresFailed, match="acquire a new one"):
        lease.ensure_running()
    assert running(lease.server) == 0


def test_what_was_written_is_there_after_a_stop_and_a_start(data: Path) -> None:
    with acquire(data, FAST) as lease:
        ask(lease.server, "create table kept_by_a_stop as select 42 as answer")
    with acquire(data, FAST) as lease:
        assert ask(lease.server, "select answer from kept_by_a_stop") == 42


def test_the_holder_in_another_process_keeps_the_server(
    data: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    other = python(HOLD + WAIT + "lease.release()", data)
    pid = held_pid(other)
    lease = acquire(data, FAST)
    lease.release()
    assert running(lease.server) == pid
    other.communicate(timeout=20)
    assert other.returncode == 0
    assert running(lease.server) == 0


def test_the_server_outlives_a_killed_holder_and_is_found_again(
    data: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = python(HOLD + WAIT, data)
    pid = held_pid(holder)
    holder.kill()
    holder.wait()
    lease = acquire(data, FAST)
    assert running(lease.server) == pid
    lease.release()
    assert running(lease.server) == 0, "the killed process still counts as a holder"


def test_the_children_of_a_killed_holder_do_not_keep_its_claim(
    data: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    releasing = "if os.fork() == 0:\n    lease.release(); os._exit(0)\nos.wait()\n"
    idle = "child = os.fork()\nif child == 0:\n    time.sleep(60)\nprint(child, flush=True)\n"
    holder = python(HOLD + releasing + idle + WAIT, data)
    pid, child_pid = held_pid(holder), held_pid(holder)
    lease = acquire(data, FAST)
    try:
        assert running(lease.server) == pid, "the forked child released what was not its own"
        holder.kill()
        holder.wait()
        lease.release()
        assert running(lease.server) == 0
    finally:
        os.kill(child_pid, signal.SIGKILL)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(data: Path) -> None:
    with acquire(data, FAST) as lease:
        assert os.getsid(running(lease.server)) != os.getsid(0)
        assert os.getpgid(running(lease.server)) != os.getpgid(0)


def test_a_killed_postmaster_is_started_again_with_its_data(data: Path) -> None:
    with acquire(data, FAST) as lease, acquire(data, FAST) as other:
        ask(lease.server, "create table kept as select 42 as answer")
        before = running(lease.server)
        kill_postmaster(lease.server)
        assert lease.ensure_running()
        assert running(lease.server) not in (0, before)
        assert ask(lease.server, "select answer from kept") == 42
        assert not lease.ensure_running()
        assert not other.ensure_running()


def test_a_restart_waits_for_the_backends_of_a_killed_postmaster(data: Path) -> None:
    with acquire(data, FAST) as lease:
        # It is busy computing, so that it does not notice at once that its postmaster is gone.
        query = "select count(*) from generate_series(1, 3e6)"
        busy = [str(postgres.binaries() / "psql"), lease.server.url(), "-c", query]
        client = subprocess.Popen(busy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            before = (data / "postgres.log").stat().st_size
            eventually(lambda: ask(lease.server, "select count(*) from pg_stat_activity where query ~ '3e[6]'") == 1)
            kill_postmaster(lease.server)
            assert lease.ensure_running()
            assert ask(lease.server, "select 1") == 1
            assert b"pre-existing shared memory block" in (data / "postgres.log").read_bytes()[before:]
        finally:
            client.kill()
            client.wait()


@pytest.mark.skipif(shutil.which("ps") is None, reason="there is no ps here")
def test_a_server_is_found_and_stopped_without_proc(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: not str(path).startswith("/proc") and os.path.exists(path))
    lease = acquire(data, FAST)
    pid = running(lease.server)
    assert pid != 0
    assert not lease.ensure_running()
    kill_postmaster(lease.server)
    assert lease.ensure_running()
    lease.release()
    assert running(lease.server) == 0


def test_a_server_that_only_another_container_sees_is_not_started_twice(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acquire(data, FAST) as lease:
        with monkeypatch.context() as patch:
            patch.setattr(postgres, "_command", lambda pid: "")
            with pytest.raises(PostgresFailed, match="Stop the other container"):
                acquire(data, FAST)
        assert ask(lease.server, "select 1") == 1


@pytest.mark.parametrize("content", ["", "{pid}\n/elsewhere\n1\n5432\n\n\n"], ids=["empty", "reused pid"])
def test_a_stale_pid_file_does_not_prevent_a_start(data: Path, content: str) -> None:
    acquire(data, FAST).release()
    (data / "cluster" / "postmaster.pid").write_text(content.format(pid=os.getpid()))
    with acquire(data, FAST) as lease:
        assert ask(lease.server, "select 1") == 1
        assert running(lease.server) != os.getpid()


def test_two_processes_starting_at_once_share_one_server(
    fresh_data: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    holders = [python(HOLD + WAIT + "lease.release()", fresh_data) for _ in range(3)]
    assert len({held_pid(holder) for holder in holders}) == 1
    for holder in holders:
        holder.communicate(timeout=20)
    assert [holder.returncode for holder in holders] == [0, 0, 0]
    assert postgres._postmaster(fresh_data / "cluster")[0] == 0


def test_many_threads_acquiring_and_releasing_never_lose_the_server(fresh_data: Path) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(4):
                with acquire(fresh_data, FAST) as lease:
                    ask(lease.server, "select 1")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert postgres._postmaster(fresh_data / "cluster")[0] == 0


def test_a_cluster_left_half_made_is_made_anew(open_data: Path) -> None:
    (open_data / "cluster.new").mkdir(parents=True)
    (open_data / "cluster.new" / "PG_VERSION").write_text("18\n")
    with acquire(open_data, FAST) as lease:
        assert ask(lease.server, "select 1") == 1


def test_a_setting_the_server_refuses_is_told_with_the_log(data: Path) -> None:
    with pytest.raises(PostgresFailed, match=r"(?s)did not start\..*max_connections"):
        acquire(data, {**FAST, "max_connections": "many"})
    with acquire(data, FAST) as lease:
        assert ask(lease.server, "select 1") == 1


def test_a_data_directory_that_is_a_file_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(PostgresFailed, match="Check rights and disk space"):
        acquire(tmp_path / "data")


def test_the_log_is_private_and_does_not_grow_for_ever(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with acquire(data, FAST) as lease:
        log = data / "postgres.log"
        assert log.stat().st_mode & 0o777 == 0o600
        monkeypatch.setattr(postgres, "LOG_BYTES", 10)
        lease.ensure_running()
        assert log.stat().st_size == 0
        assert "ready to accept connections" in (data / "postgres.log.1").read_text()
        with pytest.raises(asyncpg.PostgresError):
            ask(lease.server, "select nothing")
        eventually(lambda: 'column "nothing" does not exist' in log.read_text())
        assert not log.read_text().startswith("\0")


def test_a_very_long_data_path_gets_a_short_socket_folder(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30) / ("path" * 30)
    try:
        with acquire(data, FAST) as lease:
            assert len(os.fsencode(lease.server.sockets)) < 80
            assert lease.server.sockets.stat().st_mode & 0o777 == 0o700
            assert ask(lease.server, "select 1") == 1
            with acquire(data, FAST) as second:
                assert second.server == lease.server
        assert not lease.server.sockets.exists()
    finally:
        end(data)


def test_a_socket_folder_of_somebody_else_is_refused(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = open_folder / "tmp"
    temporary.mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    data = open_folder / ("long" * 40)
    place = postgres._socket_folder(data / "cluster", postgres.Account())
    place.symlink_to(open_folder)
    with pytest.raises(PostgresFailed, match="is not a folder of PET's PostgreSQL"):
        acquire(data, FAST)
    if ROOT:
        place.unlink()
        place.mkdir()
        os.chown(place, 12345, 12345)
        with pytest.raises(PostgresFailed, match="is not a folder of PET's PostgreSQL"):
            acquire(data, FAST)


def test_another_temporary_folder_finds_the_same_sockets(
    tmp_path: Path, open_folder: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    data = tmp_path / ("long" * 30) / ("path" * 30)
    (open_folder / "tmp").mkdir()
    try:
        with acquire(data, FAST) as lease:
            print_it = "print(postgres.acquire(data, FAST).server.url())"
            out, err = python(print_it, data, TMPDIR=str(open_folder / "tmp")).communicate(timeout=20)
            assert out.strip() == lease.server.url(), err
    finally:
        end(data)


@needs_root
def test_as_root_the_cluster_is_in_the_data_directory_when_it_can_be_reached(open_data: Path) -> None:
    with acquire(open_data, FAST) as lease:
        assert lease.server.cluster == open_data / "cluster"
        assert lease.server.cluster.stat().st_uid not in (0, open_data.stat().st_uid)
        assert lease.server.sockets.stat().st_uid == lease.server.cluster.stat().st_uid
        assert Path(f"/proc/{running(lease.server)}").stat().st_uid == lease.server.cluster.stat().st_uid


@needs_root
def test_as_root_a_private_parent_stays_private_and_the_cluster_goes_elsewhere(
    open_folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    monkeypatch.chdir(private)
    data = private / "data"
    try:
        with acquire(data, FAST) as lease:
            assert lease.server.cluster.is_relative_to(store)
            ask(lease.server, "create table kept as select 42 as answer")
        assert (private.stat().st_mode & 0o777, private.stat().st_uid) == (0o700, 0)
        private.rename(open_folder / "moved")
        data = open_folder / "moved" / "data"
        with acquire(data, FAST) as lease:
            assert ask(lease.server, "select answer from kept") == 42
        private.mkdir(mode=0o700)
        with acquire(private / "data", FAST) as fresh:
            assert fresh.server.cluster != lease.server.cluster
            assert ask(fresh.server, "select to_regclass('kept')") is None
    finally:
        end(data)
        end(private / "data")


@needs_root
def test_a_lost_cluster_outside_is_told_and_not_replaced(open_folder: Path) -> None:
    private = open_folder / "private"
    private.mkdir(mode=0o700)
    with acquire(private, FAST) as lease:
        pass
    shutil.rmtree(lease.server.cluster)
    with pytest.raises(PostgresFailed, match="has lost"):
        acquire(private, FAST)


@needs_root
def test_as_root_unreachable_binaries_are_copied_once(
    open_folder: Path, store: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_folder / "private"
    site.mkdir(mode=0o700)
    real = postgres._wheel()
    for name in (f"{postgres.PACKAGE}/{postgres.INSTALL}", f"{postgres.PACKAGE}.libs"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copytree(real.parent.parent / name, site / name)
    monkeypatch.setattr(postgres, "_wheel", lambda: site / postgres.PACKAGE / postgres.INSTALL)
    with acquire(data, FAST) as lease:
        assert ask(lease.server, "select 1") == 1
        assert postgres.binaries().is_relative_to(store)
    copies = [path for path in store.iterdir() if "postgresql-" in path.name or path.name.startswith(".")]
    assert len(copies) == 1
    assert copies[0].name.startswith("postgresql-18-")
    assert {path.stat().st_uid for path in copies[0].rglob("*")} == {0}
    assert {path.stat().st_mode & 0o022 for path in copies[0].rglob("*")} == {0}


@needs_root
def test_as_root_a_cluster_of_a_user_keeps_running_as_that_user(open_data: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    acquire(open_data, FAST).release()
    cluster = open_data / "cluster"
    for path in (open_data / "sockets", cluster, *cluster.rglob("*")):
        if path.exists():
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    with acquire(open_data, FAST) as lease:
        assert Path(f"/proc/{running(lease.server)}").stat().st_uid == nobody.pw_uid


@needs_root
def test_an_ordinary_user_needs_nothing_but_a_directory(
    open_data: Path, python: Callable[..., subprocess.Popen[str]]
) -> None:
    nobody = pwd.getpwnam("nobody")
    open_data.mkdir()
    os.chown(open_data, nobody.pw_uid, nobody.pw_gid)
    # The interpreter may be out of that user's reach: it is started as root, and steps down with all it needs loaded.
    step_down = f"os.setgroups([]); os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid}); os.chdir('/')\n"
    install = "postgres._wheel = lambda: Path(sys.argv[3])\n"
    check = "print(lease.server.cluster.stat().st_uid, lease.ensure_running(), flush=True); lease.release()\n"
    user = python(step_down + install + HOLD + check, open_data, str(postgres.binaries().parent), HOME="/")
    out, err = user.communicate(timeout=30)
    assert out.splitlines()[1:] == [f"{nobody.pw_uid} False"], err
    assert user.returncode == 0, err
    assert {path.stat().st_uid for path in open_data.iterdir()} == {nobody.pw_uid}
