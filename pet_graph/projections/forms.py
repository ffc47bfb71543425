"""Forms: how values become what GraphQL shows, in SQL, to the letter as the scalars write it in Python."""

from __future__ import annotations

from . import RELATIONS
from .questions import Page

LONGEST_UNBROKEN = 57
"""PostgreSQL breaks base64 into lines of 76 letters, which is so many bytes."""

SPAN = (
    "case when {0} < 0 then '-' else '' end || make_interval(hours => (abs({0}) / 3600000000)::integer,"
    " secs => (abs({0}) % 3600000000) / 1e6::float8)::text"
)
"""Microseconds as ISO 8601, which is how PET's sessions write intervals; whole hours are exact in any number."""

FORMS = {
    "plain": "{0}",
    "text": "{0}::text",
    "hex": "encode({0}, 'hex')",
    "enum": "upper({0})",
    "enums": "(select coalesce(array_to_json(array_agg(upper(e) order by o)), '[]')"
    " from unnest({0}) with ordinality as u(e, o))",
    "span": SPAN,
    "quantity": "trim_scale({0} * 0.000001)::text",
    "money": "round({0} * 0.000001, greatest(min_scale({0} * 0.000001), 2))::text || ' ' || {row}.currency",
}
"""How a column becomes what the GraphQL type shows, exactly as its scalar would write it."""


def global_id(type_name: str, row: str) -> str:
    """The same text as `nodes.global_id` makes of the row."""
    text = f"encode(convert_to('{type_name}:' || {row}.id, 'UTF8'), 'base64')"
    is_short = len(type_name) + 1 + 36 <= LONGEST_UNBROKEN
    return text if is_short else f"translate({text}, e'\\n', '')"


def cursor(page: Page, row: str) -> str:
    """The same text as `connections.encode_cursor` makes of the row."""
    column = f"{row}.{page.order.column}"
    if RELATIONS[page.table].type_of(page.order.column).startswith("TIMESTAMP"):
        column = f"'\"' || {_instant(column)} || '\"'"
    else:
        column = f"to_json({column})::text"
    place = f'["{page.table}","{page.order.column}",{str(page.order.descending).lower()},'
    text = f"'{place}' || {column} || ',\"' || {row}.id || '\"]'"
    return f"rtrim(translate(encode(convert_to({text}, 'UTF8'), 'base64'), e'+/\\n', '-_'), '=')"


def _instant(column: str) -> str:
    """RFC 3339 as msgspec writes it: microseconds in six digits, or none."""
    seconds = f"to_char({column}, 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    micros = f"extract(microseconds from {column})::bigint % 1000000"
    return f"({seconds} || case when {micros} = 0 then '' else to_char({column}, '.US') end || 'Z')"
