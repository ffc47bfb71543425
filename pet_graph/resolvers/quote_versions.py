"""What clients may ask about versions of quotes and their lines. What happens to them is asked of the quotes."""

from __future__ import annotations

import strawberry

from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.quote_versions import (
    QuoteLine,
    QuoteLineFilter,
    QuoteLineOrder,
    QuoteVersion,
    QuoteVersionFilter,
    QuoteVersionOrder,
)


@strawberry.type
class QuoteVersionQueries:
    quote_version: QuoteVersion | None = find("quote_versions", description="One version; null when none has this id.")
    quote_versions: Connection[QuoteVersion] = listing(
        "quote_versions",
        filter=QuoteVersionFilter,
        order=QuoteVersionOrder,
        description="Versions of quotes, page by page; by digest, for one.",
    )
    quote_line: QuoteLine | None = find("quote_lines", description="One line of a quote; null when none has this id.")
    quote_lines: Connection[QuoteLine] = listing(
        "quote_lines",
        filter=QuoteLineFilter,
        order=QuoteLineOrder,
        description="Lines of all versions of all quotes, page by page.",
    )
