"""Verify: walk every seal of the log and the journal, ask every witness, and find what got past the locks."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal, TypeAlias

import asyncpg
import msgspec

from . import log, rebuild
from .database import LOST
from .projections.base import SCHEMA
from .replay import Progress, quiet

PAGE = 5_000
MOST_FINDINGS = 100
"""Whoever rewrites a whole table is told by the first of them; the others are only counted."""

ANCHOR = re.compile(r"[0-9]{1,18}:[0-9a-f]{64}:[0-9]{1,18}:[0-9a-f]{64}")

Connection: TypeAlias = "asyncpg.Connection[Any]"
Kind = Literal["edit", "gap", "reorder", "truncation", "difference"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it was recorded; `at` is a position, an entry, or the number of rows that differ."""

    kind: Kind
    table: str
    at: int
    sentence: str


class Anchor(msgspec.Struct, frozen=True):
    """Where log and journal ended once, kept elsewhere: the only witness of an end cut off, or of a whole chain forged.

    Its text, `position:seal:entry:seal`, can be printed, kept and given back.
    """

    position: int
    seal: bytes
    entry: int
    journal_seal: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.seal.hex()}:{self.entry}:{self.journal_seal.hex()}"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Raises `ValueError` when the text is not an anchor's."""
        if not ANCHOR.fullmatch(text.strip()):
            raise ValueError(f"not an anchor (position:seal:entry:seal): {text!r}")
        position, seal, entry, journal_seal = text.strip().split(":")
        return cls(int(position), bytes.fromhex(seal), int(entry), bytes.fromhex(journal_seal))


class Report(msgspec.Struct, frozen=True):
    """What was looked at and what was found; `unlisted` counts the findings that are too many to name."""

    facts: int
    entries: int
    findings: tuple[Finding, ...]
    unlisted: int
    head: Anchor


async def verify(
    connection: Connection, *, anchor: Anchor | None = None, progress: Progress = quiet, url: str | None = None
) -> Report:
    """Recompute every seal, ask every witness, replay and compare, all as of one moment; recording goes on meanwhile.

    `connection` is one of the application's (`database.connect`), outside of any transaction. With `url`, its own, a
    long log is replayed by several processes.
    """
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        return await _verify(connection, anchor, progress, url)
    finally:
        await transaction.rollback()


async def _verify(connection: Connection, anchor: Anchor | None, progress: Progress, url: str | None) -> Report:
    has_tables = await _hold_tables(connection)
    await connection.execute(f"{rebuild.PATIENTLY}; set local work_mem = '64MB'")
    facts, entries = Walk(LOG), Walk(JOURNAL)
    await _walk(connection, facts, progress)
    await _walk(connection, entries, quiet)
    findings = [*facts.findings(), *entries.findings()]
    for witness in WITNESSES:
        findings += await witness(connection, facts, entries)
    findings += await _end(connection, facts, "the journal names", "select max(last_position) from pet.journal")
    if anchor:
        findings += await _compare(connection, facts, anchor.position, anchor.seal)
        findings += await _compare(connection, entries, anchor.entry, anchor.journal_seal)
    findings += await _tables(connection, facts, progress, url) if has_tables else [NO_TABLES]
    listed, unlisted = _first_of_each(findings)
    head = Anchor(facts.last, facts.seal, entries.last, entries.seal)
    return Report(facts.count, entries.count, listed, unlisted + facts.unlisted + entries.unlisted, head)


def _first_of_each(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], int]:
    """What several witnesses say of one place is said once."""
    distinct: dict[tuple[str, str, int], Finding] = {}
    for found in findings:
        distinct.setdefault((found.kind, found.table, found.at), found)
    return tuple(distinct.values())[:MOST_FINDINGS], max(0, len(distinct) - MOST_FINDINGS)


# --- the chain ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """A sealed table: how its rows are counted, sealed, and spoken of."""

    table: str
    key: str
    one: str
    many: str
    row: Any
    sealer: Callable[[bytes, Any], bytes]

    @property
    def select(self) -> str:
        columns = ", ".join(self.row._fields)
        return f"select {columns} from {self.table} where {self.key} > $1 order by {self.key} limit {PAGE}"


# Rows stay as they are stored: what was tampered with may not decode.
FactRow = namedtuple("FactRow", (*log.FACT_COLUMNS, "seal"))  # type: ignore[misc]
EntryRow = namedtuple("EntryRow", (*log.JOURNAL_COLUMNS, "seal"))  # type: ignore[misc]

LOG = Chain("pet.log", "position", "position", "positions", FactRow, log.seal_fact)
JOURNAL = Chain("pet.journal", "entry", "entry", "entries", EntryRow, log.seal_entry)


@dataclass(frozen=True)
class Broken:
    """A row whose seal does not follow from `previous`, the stored seal before it."""

    at: int
    row: Any
    previous: bytes


@dataclass
class Walk:
    """One pass over a chain. After a broken seal it goes on from the stored one, so that one edit is one finding."""

    chain: Chain
    last: int = 0
    seal: bytes = log.GENESIS
    count: int = 0
    unlisted: int = 0
    missing: list[range] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    _true_seal: bytes = log.GENESIS

    def step(self, at: int, row: Any) -> None:
        self.count += 1
        if at <= self.last:
            self._note(self.broken, Broken(at, row, self.seal))
            return
        if at > self.last + 1:
            self._note(self.missing, range(self.last + 1, at))
            self._true_seal = row.seal
        else:
            self._check(at, row)
        self.last, self.seal = at, row.seal

    def _check(self, at: int, row: Any) -> None:
        expected = self.chain.sealer(self.seal, row)
        follows_true_seal = self._true_seal != self.seal and _seals(self.chain, self._true_seal, row)
        if expected != row.seal and not follows_true_seal:
            self._note(self.broken, Broken(at, row, self.seal))
        self._true_seal = row.seal if follows_true_seal else expected

    def _note(self, found: list[Any], what: Any) -> None:
        if len(self.missing) + len(self.broken) < MOST_FINDINGS:
            found.append(what)
        else:
            self.unlisted += 1

    def explains(self, *places: int | None) -> bool:
        """Whether a finding of this walk lies between the places, so that what a witness says of them is no news."""
        named = [place for place in places if place is not None]
        if self.unlisted or not named:
            return bool(self.unlisted)
        low, high = min(named), max(named)
        return (
            high > self.last
            or any(low <= broken.at <= high for broken in self.broken)
            or any(low < gap.stop and gap.start <= high for gap in self.missing)
        )

    def findings(self) -> Iterator[Finding]:
        chain = self.chain
        for gap in self.missing:
            sentence = (
                f"After {chain.one} {gap.start - 1} comes {gap.stop}, which cannot be checked: {len(gap)} missing."
            )
            yield Finding("gap", chain.table, gap.start, sentence)
        settled: set[int] = set()
        for first, second in combinations(self.broken, 2):
            if not settled & {first.at, second.at} and (what := _exchanged(chain, first, second)):
                settled |= {first.at, second.at}
                if what == "places":
                    settled |= self._unsettled_by(first, second)
                sentence = f"{chain.many.title()} {first.at} and {second.at} have exchanged their {what}."
                yield Finding("reorder", chain.table, first.at, sentence)
        for broken in self.broken:
            if broken.at not in settled:
                sentence = f"The seal of {chain.one} {broken.at} does not follow: it, or the seal before, was changed."
                yield Finding("edit", chain.table, broken.at, sentence)

    def _unsettled_by(self, first: Broken, second: Broken) -> set[int]:
        """The rows after two that changed places: they follow from the seals that were there before."""
        true_seals = {first.at + 1: second.row.seal, second.at + 1: first.row.seal}
        return {b.at for b in self.broken if b.at in true_seals and _seals(self.chain, true_seals[b.at], b.row)}


async def _walk(connection: Connection, walk: Walk, progress: Progress) -> None:
    at = -(2**63)
    while rows := await connection.fetch(walk.chain.select, at):
        for row in rows:
            at = row[walk.chain.key]
            walk.step(at, walk.chain.row._make(row))
        progress(at)


def _seals(chain: Chain, previous: bytes, row: Any, **instead: Any) -> bool:
    return bool(chain.sealer(previous, row._replace(**instead)) == row.seal)


def _exchanged(chain: Chain, first: Broken, second: Broken) -> str | None:
    """What two broken rows have exchanged: whatever, put back, lets both seals follow."""
    before_second = second.row.seal if second.at == first.at + 1 else second.previous
    fits_first = _seals(chain, first.previous, second.row, **{chain.key: first.at})
    if fits_first and _seals(chain, before_second, first.row, **{chain.key: second.at}):
        return "places"
    contents: list[str] = [column for column in chain.row._fields if column not in (chain.key, "seal")]
    for what, columns in [*((column, [column]) for column in contents), ("contents", contents)]:
        there, here = ({column: getattr(row, column) for column in columns} for row in (second.row, first.row))
        if _seals(chain, first.previous, first.row, **there) and _seals(chain, second.previous, second.row, **here):
            return what
    return None


# --- witnesses: what other rows say of a row ------------------------------------------------------------------------

VERSIONS = """
    select stream, position, version, version_before, position_before from (
        select stream, position, version,
            lag(version, 1, 0) over by_stream as version_before,
            lag(position, 1, 0::bigint) over by_stream as position_before
        from pet.log window by_stream as (partition by stream order by position)
    ) counted where version <> version_before + 1 order by stream, position"""

UNNAMED = """
    select position from pet.log l
    where not exists (select from pet.journal j where j.command_id = l.command_id) order by position"""

NAMED = """
    select entry, first_position, last_position, lowest, highest, number
    from pet.journal left join (
        select command_id, min(position) as lowest, max(position) as highest, count(*) as number
        from pet.log group by command_id
    ) recorded using (command_id)
    where (first_position, last_position) is distinct from (lowest, highest) or number <> highest - lowest + 1
    order by entry"""

ASKED = """
    select position, entry from pet.log l join pet.journal j using (command_id)
    where (l.actor, l.authority, l.origin, l.recorded_at) is distinct from
        (j.actor, j.authority, j.origin, j.recorded_at)
    order by position"""


async def _versions(connection: Connection, facts: Walk, entries: Walk) -> list[Finding]:
    """The versions of every stream count from one, in the order of positions."""
    findings: dict[str, Finding] = {}
    for row in await _some(connection, VERSIONS):
        stream, at = row["stream"], row["position"]
        if facts.explains(at, row["position_before"] or None):
            continue
        if row["version"] <= row["version_before"]:
            sentence = f"The versions of {stream} are out of order about position {at}."
            findings[stream] = Finding("reorder", LOG.table, at, sentence)
        else:
            sentence = f"{stream} goes from version {row['version_before']} to {row['version']} at position {at}."
            findings.setdefault(stream, Finding("gap", LOG.table, at, sentence))
    return list(findings.values())


async def _unnamed(connection: Connection, facts: Walk, entries: Walk) -> list[Finding]:
    """Every fact was recorded by a command that the journal has."""
    last = await connection.fetchval("select coalesce(max(last_position), 0) from pet.journal")
    findings: list[Finding] = []
    for row in await _some(connection, UNNAMED):
        at = row["position"]
        if at > last and not facts.explains(at):
            sentence = f"The journal's last entries are missing: it does not name what was recorded from {at} on."
            return [*findings, Finding("truncation", JOURNAL.table, entries.last + 1, sentence)]
        if not facts.explains(at) and not entries.missing and not entries.broken:
            sentence = f"Position {at} was recorded by a command that the journal does not have."
            findings.append(Finding("gap", LOG.table, at, sentence))
    return findings


async def _named(connection: Connection, facts: Walk, entries: Walk) -> list[Finding]:
    """Every command recorded the facts that its entry names, and no others."""
    findings: list[Finding] = []
    for row in await _some(connection, NAMED):
        entry, *places, number = row
        if entries.explains(entry) or facts.explains(*places):
            continue
        first, last, lowest, highest = places
        named = last - first + 1 if first else 0
        kind: Kind = "gap" if (number or 0) < named else "reorder" if number == named else "edit"
        sentence = f"Entry {entry} names {_span(first, last)}; of its command the log has {_span(lowest, highest)}."
        findings.append(Finding(kind, JOURNAL.table, entry, sentence))
    return findings


def _span(first: int | None, last: int | None) -> str:
    return "no position" if first is None else f"positions {first} to {last}"


async def _asked(connection: Connection, facts: Walk, entries: Walk) -> list[Finding]:
    """Fact and entry agree on who recorded it, under which authority and origin, and when."""
    return [
        Finding("edit", LOG.table, at, f"Position {at} and entry {entry} differ in who recorded it, how or when.")
        for at, entry in await _some(connection, ASKED)
        if not facts.explains(at) and not entries.explains(entry)
    ]


async def _end(connection: Connection, facts: Walk, witness: str, sql: str) -> list[Finding]:
    """No other row knows of a position beyond the last."""
    last = await connection.fetchval(sql) or 0
    sentence = f"The log's last facts are missing: it ends at {facts.last}, {witness} {last}."
    return [Finding("truncation", LOG.table, facts.last + 1, sentence)] if last > facts.last else []


WITNESSES = (_versions, _unnamed, _named, _asked)


async def _some(connection: Connection, sql: str) -> list[Any]:
    """At most so many rows. Materialized, because a limit tempts the planner into nested loops over the whole log."""
    return list(
        await connection.fetch(f"with found as materialized ({sql}) select * from found limit {MOST_FINDINGS + 1}")
    )


async def _compare(connection: Connection, walk: Walk, at: int, seal: bytes) -> list[Finding]:
    """What the anchor says of one chain."""
    chain = walk.chain
    if at > walk.last:
        sentence = f"{chain.many.title()} up to {at} were there when the anchor was taken; now the last is {walk.last}."
        return [Finding("truncation", chain.table, walk.last + 1, sentence)]
    stored = await connection.fetchval(f"select seal from {chain.table} where {chain.key} = $1", at)
    if at == 0 or stored in (None, seal):
        return []
    sentence = f"The seal of {chain.one} {at} is not the anchor's: it, or something before it, was rewritten."
    return [Finding("edit", chain.table, at, sentence)]


# --- replay -------------------------------------------------------------------------------------------------------

NO_TABLES = Finding("difference", SCHEMA, 0, "There are no tables to compare a replay with; a rebuild makes them.")


async def _hold_tables(connection: Connection) -> bool:
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await rebuild.hold_tables(connection)
    except asyncpg.UndefinedTableError:
        return False
    return True


async def _tables(connection: Connection, facts: Walk, progress: Progress, url: str | None) -> list[Finding]:
    cut = await _end(connection, facts, "the streams go to", f"select max(position) from {SCHEMA}.streams")
    try:
        counts = await rebuild.differences(connection, progress, url=url)
    except LOST:
        raise
    except Exception as failure:
        return [*cut, Finding("difference", SCHEMA, 0, f"The log cannot be replayed: {failure!r}.")]
    said = "A replay of the log differs in {} rows of {}."
    return [*cut, *(Finding("difference", f"{SCHEMA}.{n}", c, said.format(c, n)) for n, c in counts.items())]
