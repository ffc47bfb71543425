"""Filters of allocations, actuals and promises by project: each leaves what it says, and something else out."""

from __future__ import annotations

from typing import Any

from api import Api, Json
from conftest import World
from test_deliveries import PROJECT, TODAY, Firm

from pet_graph.events.deliveries import ReverseDelivery
from pet_graph.events.tasks import PlanTask
from pet_graph.events.time_entries import ApproveTime, SubmitTime, sheet_of

NODES = {
    "allocations": "id workedOn classification obligation { id } person { id } project { id } task { id }",
    "actuals": "id occurredAt kind contract chargeable amount obligation { id } person { id } project { id }",
    "obligations": "id project { id }",
    "obligationDeliveries": "id deliveredAt reversedAt person { id } project { id }",
}
BY_VALUE = {
    "allocations": ("classification", "obligation", "person", "project", "task"),
    "actuals": ("contract", "kind", "obligation", "person", "project"),
    "obligations": ("project",),
    "obligationDeliveries": ("person", "project"),
}
"""Fields that are filtered by a list of values."""

BY_RULE: list[tuple[str, str, Any, Any]] = [
    ("allocations", "unattributed", True, lambda node: node["obligation"] is None),
    ("allocations", "unattributed", False, lambda node: node["obligation"] is not None),
    ("actuals", "chargeable", True, lambda node: node["chargeable"]),
    ("actuals", "chargeable", False, lambda node: not node["chargeable"]),
    ("obligationDeliveries", "reversed", True, lambda node: node["reversedAt"] is not None),
    ("obligationDeliveries", "reversed", False, lambda node: node["reversedAt"] is None),
    ("actuals", "withoutAmount", True, lambda node: node["amount"] is None),
    ("actuals", "withoutAmount", False, lambda node: node["amount"] is not None),
]
INSTANTS = {
    "allocations": ("workedOn", "worked"),
    "actuals": ("occurredAt", "occurred"),
    "obligationDeliveries": ("deliveredAt", "delivered"),
}
FILTERS = {
    "allocations": "AllocationFilter",
    "actuals": "ActualFilter",
    "obligations": "ObligationFilter",
    "obligationDeliveries": "ObligationDeliveryFilter",
}

TRIED = (
    {f"{FILTERS[root]}.{name}" for root, names in BY_VALUE.items() for name in names}
    | {f"{FILTERS[root]}.{name}" for root, name, *_ in BY_RULE}
    | {f"{FILTERS[root]}.{prefix}{side}" for root, (_, prefix) in INSTANTS.items() for side in ("From", "Before")}
)


async def _at_work(firm: Firm) -> None:
    """Hours for each promise and for a task, submitted and approved."""
    task = (await firm.world.record(PlanTask(project=PROJECT, name="Mend", obligation=firm.advice))).facts[0].id
    for purpose in ({"obligation": firm.advice}, {"obligation": firm.care}, {"task": task}, {"project": PROJECT}):
        await firm.work(3, **purpose)
    sheet, approver = sheet_of(firm.ada, TODAY), await firm.world.person("Bela")
    await firm.world.record(SubmitTime(timesheet=sheet))
    await firm.world.record_as("approver", ApproveTime(timesheet=sheet, approver=approver))
    for _ in range(3):
        wrong = await firm.deliver(1)
        firm.world.pass_time(minutes=1)
    await firm.world.record(ReverseDelivery(obligation=firm.site, delivery=wrong, reason="Twice"))


async def _nodes(api: Api, root: str, filter_: Json) -> list[Json]:
    found: list[Json] = []
    after = None
    while True:
        document = (
            f"query ($f: {FILTERS[root]}, $after: String) {{ page: {root}(first: 100, after: $after, filter: $f)"
            f" {{ nodes {{ {NODES[root]} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
        page = (await api.ask(document, f=filter_, after=after))["page"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def _value(node: Json, name: str) -> Any:
    value = node[name]
    return value["id"] if isinstance(value, dict) else value


async def test_every_filter_of_the_ledgers_leaves_what_it_says(world: World) -> None:
    await _at_work(await (await Firm.at(world)).placed())
    api = Api(world)
    for root, names in BY_VALUE.items():
        nodes = await _nodes(api, root, {})
        for name in names:
            values = sorted({_value(node, name) for node in nodes} - {None})
            assert values, f"no {name} among {root}"
            for value in values[:3]:
                left = await _nodes(api, root, {name: [value]})
                assert left == [node for node in nodes if _value(node, name) == value], (root, name, value)
    for root, name, value, rule in BY_RULE:
        nodes = await _nodes(api, root, {})
        assert await _nodes(api, root, {name: value}) == [node for node in nodes if rule(node)], (root, name, value)
    for root, (field, prefix) in INSTANTS.items():
        nodes = await _nodes(api, root, {})
        middle = sorted(node[field] for node in nodes)[len(nodes) // 2]
        assert await _nodes(api, root, {f"{prefix}From": middle}) == [n for n in nodes if n[field] >= middle]
        assert await _nodes(api, root, {f"{prefix}Before": middle}) == [n for n in nodes if n[field] < middle]
