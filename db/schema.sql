-- What cannot be rebuilt: the log of facts and the journal of commands. Everything else PET remembers is derived from
-- these two tables and lives in the schema "projections", which may be dropped and replayed at any time.

create schema pet;

-- Every fact, in the order in which it was recorded. `seal` chains each row to all rows before it (see pet_graph/log.py).
create table pet.log (
    position       bigint      primary key,
    stream         text        not null,
    version        integer     not null check (version > 0),
    type           text        not null,
    schema_version smallint    not null check (schema_version > 0),
    data           json        not null,
    actor          text        not null,
    authority      text        not null,
    origin         text        not null check (origin = 'internal' or origin like 'external:_%'),
    command_id     uuid        not null,
    correlation    uuid        not null,
    causation      bigint      check (causation < position),
    occurred_at    timestamptz not null,
    recorded_at    timestamptz not null check (recorded_at >= occurred_at),
    seal           bytea       not null check (length(seal) = 32),
    unique (stream, version)
);
create index log_command_id on pet.log (command_id);
create index log_recorded_at on pet.log (recorded_at);

-- Every command that was decided, accepted or refused: who asked for what, under which authority, and what came of it.
create table pet.journal (
    entry          bigint      primary key,
    command_id     uuid        not null unique,
    command        text        not null,
    input          json        not null,
    input_hash     bytea       not null,
    stream         text        not null,
    actor          text        not null,
    authority      text        not null,
    origin         text        not null,
    first_position bigint,
    last_position  bigint,
    refusal        json,
    recorded_at    timestamptz not null,
    seal           bytea       not null check (length(seal) = 32),
    check ((refusal is null) or (first_position is null)),
    check ((first_position is null) = (last_position is null))
);

-- Second lock: nobody edits, whatever their rights.
create function pet.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_schema || '.' || tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege',
              hint = 'Correct a mistake with another fact that names the first.';
end $$;

create trigger append_only before update or delete on pet.log
    for each row execute function pet.refuse_change();
create trigger append_only_truncate before truncate on pet.log
    for each statement execute function pet.refuse_change();
create trigger append_only before update or delete on pet.journal
    for each row execute function pet.refuse_change();
create trigger append_only_truncate before truncate on pet.journal
    for each statement execute function pet.refuse_change();

-- Positions and entries are counted without a gap: a cursor on them loses nothing, and what is missing shows.
create function pet.refuse_gap() returns trigger language plpgsql as $$
declare
    lowest bigint; highest bigint; added bigint;
begin
    select min(position), max(position), count(*) into lowest, highest, added from added_rows;
    if added > 0 and (
        added <> highest - lowest + 1
        or lowest <> 1 and not exists (select from pet.log where position = lowest - 1)
    ) then
        raise exception 'positions % to % do not follow on', lowest, highest using errcode = 'check_violation';
    end if;
    return null;
end $$;

create function pet.refuse_entry_gap() returns trigger language plpgsql as $$
declare
    lowest bigint; highest bigint; added bigint;
begin
    select min(entry), max(entry), count(*) into lowest, highest, added from added_rows;
    if added > 0 and (
        added <> highest - lowest + 1
        or lowest <> 1 and not exists (select from pet.journal where entry = lowest - 1)
    ) then
        raise exception 'entries % to % do not follow on', lowest, highest using errcode = 'check_violation';
    end if;
    return null;
end $$;

create trigger gapless after insert on pet.log
    referencing new table as added_rows for each statement execute function pet.refuse_gap();
create trigger gapless after insert on pet.journal
    referencing new table as added_rows for each statement execute function pet.refuse_entry_gap();

-- What a query meets that only the program can work out: the query is then answered without SQL (see pet_graph/planner.py).
create function pet.not_in_sql(what text) returns bigint language plpgsql stable as $$
begin
    raise exception '% is not worked out in SQL', what using errcode = 'feature_not_supported';
end $$;

-- First lock: the role the application runs under may read and add, and nothing else.
grant usage on schema pet to pet_app;
grant select, insert on pet.log, pet.journal to pet_app;

-- What can be rebuilt belongs to the application, tables and all. A rebuild makes them beside and then moves them over,
-- so the application needs no right to make schemas.
create schema projections authorization pet_app;
create schema projections_beside authorization pet_app;

-- Which migrations have run.
create table pet.migrations (
    number     integer     primary key,
    name       text        not null,
    applied_at timestamptz not null default now()
);
grant select on pet.migrations to pet_app;
