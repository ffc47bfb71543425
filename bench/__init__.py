"""Measurements: how fast PET reads, records, tells subscribers and rebuilds; beside others, in one run.

Each group is a module with `async def measure(scale: Scale, tell: Tell) -> list[Row]`: `reads`, `turns`, `rebuild`,
`fanout`. A group starts the servers it needs and leaves nothing running. A row is a plain dict, the medians of its
rounds; a figure that is not known is left out:

    group    under which heading the report shows it
    case     what was asked for, as the report says it
    server   who did it: "PET", "limit", "PostGraphile", …
    size     what the cost grows by: facts in the log, writers, subscribers
    …        what was found, units last: per_second, p50_ms, p99_ms, rss_mb, last_ms, kb_each, …;
             server_ms, postgres_ms, client_ms: processor time a request
    why      instead of figures: why this was not measured here
"""
