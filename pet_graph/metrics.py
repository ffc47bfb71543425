"""What PET measures of itself, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TURN_SECONDS = Histogram("pet_turn_seconds", "How long a turn took, from taking it to its commit.")
TURN_COMMANDS = Histogram("pet_turn_commands", "Commands written in one turn.", buckets=[2**n for n in range(9)])
DEADLINE_LATENESS_SECONDS = Histogram(
    "pet_deadline_lateness_seconds",
    "From the instant a deadline fell due to the commit of its fact.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 60, 3600),
)
FEED_POSITION = Gauge("pet_feed_position", "The newest fact this process has read.")
FEED_FOLLOWERS = Gauge(
    "pet_feed_followers", "What follows the feed: groups of equal subscriptions, and who catches up."
)
SUBSCRIBERS = Gauge("pet_subscribers", "Subscriptions that are caught up.")
SUBSCRIBERS_OVERRUN = Counter("pet_subscribers_overrun", "Connections closed because they were read too slowly.")
BELL_LOST = Counter("pet_bell_lost", "Times the bell had to be set up again.")
