"""What is asked of every server: the operations, in the words of each schema, and the SQL that a hand would write."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

PAGES, PAGE = 10, 100
"""PET gives at most 100 of a list at once, so a thousand tickets are ten pages in one operation, for everybody."""

TICKET_FIELDS = "id subject reference priority status openedAt respondedAt position"
TICKET_FIELDS_OF_ROWS = TICKET_FIELDS.replace("id ", "id: rowId ", 1)


@dataclass(frozen=True)
class Case:
    """An operation: its title in the report, and its text in PET's schema and in the one PostGraphile makes."""

    key: str
    title: str
    pet: str
    postgraphile: str

    def text(self, dialect: str) -> str:
        return self.postgraphile if dialect == "postgraphile" else self.pet


def _pages(page: str) -> str:
    """Ten pages in one operation; the first has no cursor."""
    return "\n".join(page.format(i=i, after=f", after: $c{i}" if i else "") for i in range(PAGES))


_CURSORS = ", ".join(f"$c{i}: {{kind}}" for i in range(1, PAGES))

NOTHING = Case("typename", "`{ __typename }`", "{ __typename }", "{ __typename }")

ONE = Case(
    "one",
    "One object by id with a link",
    """query ($id: ID!) {
  ticket(id: $id) { id subject priority status openedAt customer { id name } }
}""",
    """query ($id: UUID!) {
  ticket: ticketByRowId(rowId: $id) {
    id: rowId subject priority status openedAt customer: customerByCustomerId { id: rowId name }
  }
}""",
)

NESTED = Case(
    "nested",
    "50 × 10 nested, with a count of each list",
    """{
  customers(first: 50) {
    nodes { id name tickets(first: 10) { totalCount nodes { id subject priority openedAt } } }
  }
}""",
    """{
  customers: allCustomers(first: 50, orderBy: [NAME_ASC, ROW_ID_ASC]) {
    nodes {
      id: rowId
      name
      tickets: ticketsByCustomerId(first: 10, orderBy: [OPENED_AT_DESC, ROW_ID_DESC]) {
        totalCount
        nodes { id: rowId subject priority openedAt }
      }
    }
  }
}""",
)

FLAT = Case(
    "flat",
    "1,000 × 8 fields, as 10 pages of 100",
    f"query ({_CURSORS.format(kind='String!')}) {{\n"
    + _pages(f"  p{{i}}: tickets(first: {PAGE}{{after}}) {{{{ nodes {{{{ {TICKET_FIELDS} }}}} }}}}")
    + "\n}",
    f"query ({_CURSORS.format(kind='Cursor!')}) {{\n"
    + _pages(
        f"  p{{i}}: allTickets(first: {PAGE}{{after}}, orderBy: [OPENED_AT_DESC, ROW_ID_DESC])"
        f" {{{{ nodes {{{{ {TICKET_FIELDS_OF_ROWS} }}}} }}}}"
    )
    + "\n}",
)

CASES = (NOTHING, ONE, NESTED, FLAT)

WALK = Case(
    "walk",
    "The cursors between the pages",
    f"query ($after: String) {{ tickets(first: {PAGE}, after: $after) {{ pageInfo {{ endCursor }} }} }}",
    f"query ($after: Cursor) {{ tickets: allTickets(first: {PAGE}, after: $after,"
    " orderBy: [OPENED_AT_DESC, ROW_ID_DESC]) { pageInfo { endCursor } } }",
)


def global_id(type_name: str, id_: UUID) -> str:
    return b64encode(f"{type_name}:{id_}".encode()).decode()


def given_id(dialect: str, id_: UUID) -> str:
    return str(id_) if dialect == "postgraphile" else global_id("Ticket", id_)


def plain(value: Any, key: str = "") -> Any:
    """An answer without what the schemas spell differently: ids are UUIDs, enums capitals, instants datetimes."""
    match value:
        case dict():
            return {name: plain(inner, name) for name, inner in value.items()}
        case list():
            return [plain(inner, key) for inner in value]
        case str() if key == "id" and not _is_uuid(value):
            return b64decode(value).decode().partition(":")[2]
        case str() if key in ("priority", "status"):
            return value.upper()
        case str() if key.endswith("At"):
            return datetime.fromisoformat(value)
    return value


def _is_uuid(value: str) -> bool:
    return len(value) == 36 and value.count("-") == 4


# --- by hand ----------------------------------------------------------------------------------------------------------


def _id(type_name: str, row: str) -> str:
    """54 letters at most for these names, so PostgreSQL breaks no lines in them."""
    return f"encode(convert_to('{type_name}:' || {row}.id, 'UTF8'), 'base64') as id"


SQL = {
    NOTHING.pet: """select '{"__typename":"Query"}'""",
    ONE.pet: f"""
select row_to_json(r)::text from (select (
    select row_to_json(t) from (
        select {_id("Ticket", "t")}, t.subject, upper(t.priority) as priority, upper(t.status) as status,
            t.opened_at as "openedAt",
            (select row_to_json(c) from (select {_id("Customer", "c")}, c.name) c) as customer
        from tickets t join customers c on c.id = t.customer_id where t.id = $1::uuid
    ) t
) as ticket) r""",
    NESTED.pet: f"""
select json_build_object('customers', json_build_object('nodes', coalesce(json_agg(c), '[]')))::text from (
    select {_id("Customer", "c")}, c.name, (
        select row_to_json(l) from (
            select (select count(*) from tickets t where t.customer_id = c.id) as "totalCount", (
                select coalesce(json_agg(t), '[]') from (
                    select {_id("Ticket", "t")}, t.subject, upper(t.priority) as priority, t.opened_at as "openedAt"
                    from tickets t where t.customer_id = c.id order by t.opened_at desc, t.id desc limit 10
                ) t
            ) as nodes
        ) l
    ) as tickets
    from customers c order by c.name, c.id limit 50
) c""",
    FLAT.pet: f"""
select json_object_agg('p' || p, json_build_object('nodes', nodes) order by p)::text from (
    select place / {PAGE} as p, json_agg(t order by place) as nodes from (
        select place, row_to_json(f) as t from (
            select row_number() over (order by t.opened_at desc, t.id desc) - 1 as place, t.*
            from tickets t order by t.opened_at desc, t.id desc limit {PAGE * PAGES}
        ) t cross join lateral (
            select {_id("Ticket", "t")}, t.subject, t.reference, upper(t.priority) as priority,
                upper(t.status) as status, t.opened_at as "openedAt", t.responded_at as "respondedAt",
                t.position::text as position
        ) f
    ) t group by place / {PAGE}
) pages""",
}
"""The statement of each operation, by its text in PET's schema; the only one with a parameter is the one by id."""
