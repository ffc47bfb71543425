"""What clients may ask about quotes."""

from __future__ import annotations

import strawberry

from ..events import quotes
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.quotes import Quote, QuoteFilter, QuoteOrder, QuoteRecorded, QuoteResult
from .base import mutation


@strawberry.type
class QuoteQueries:
    quote: Quote | None = find("quotes", description="One quote; null when there is none of this id.")
    quotes: Connection[Quote] = listing(
        "quotes", filter=QuoteFilter, order=QuoteOrder, description="Quotes, page by page."
    )


@strawberry.type
class QuoteCommands:
    draft_quote: QuoteResult = mutation(quotes.DraftQuote, QuoteRecorded, QuoteResult)
    revise_quote: QuoteResult = mutation(quotes.ReviseQuote, QuoteRecorded, QuoteResult)
    submit_quote: QuoteResult = mutation(quotes.SubmitQuote, QuoteRecorded, QuoteResult)
    approve_quote: QuoteResult = mutation(quotes.ApproveQuote, QuoteRecorded, QuoteResult)
    send_quote: QuoteResult = mutation(quotes.SendQuote, QuoteRecorded, QuoteResult)
    accept_quote: QuoteResult = mutation(quotes.AcceptQuote, QuoteRecorded, QuoteResult)
    decline_quote: QuoteResult = mutation(quotes.DeclineQuote, QuoteRecorded, QuoteResult)
    withdraw_quote: QuoteResult = mutation(quotes.WithdrawQuote, QuoteRecorded, QuoteResult)
    supersede_quote: QuoteResult = mutation(quotes.SupersedeQuote, QuoteRecorded, QuoteResult)
