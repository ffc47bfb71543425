"""Mutations of projects, tasks, milestones, bookings, rates and time: what each records, as clients meet it."""

from __future__ import annotations

from uuid import UUID, uuid4

from api import Api, Json, gid
from conftest import NOON, World
from owed import HOURS, QUOTE, SERVERS, owed

from pet_graph.events.obligations import obligation_of
from pet_graph.events.time_entries import sheet_of

ADA, BELA, PROJECT, TASK, MILESTONE, ENTRY, WRONG, BOOKING = (UUID(int=number) for number in range(51, 59))
TODAY = f"{NOON:%Y-%m-%d}"
SHEET = sheet_of(ADA, NOON.date())
OF_PROJECT, OF_TASK = {"project": gid("Project", PROJECT)}, {"task": gid("Task", TASK)}
OF_MILESTONE, OF_PERSON = {"milestone": gid("Milestone", MILESTONE)}, {"person": gid("Person", ADA)}
OF_SHEET = {"timesheet": gid("Timesheet", SHEET)}
BY_BELA = {"approver": gid("Person", BELA)}
OF_ENTRY, PROMISE = {"entry": gid("TimeEntry", ENTRY)}, obligation_of(QUOTE, 1)
HANDED, OF_SERVERS = UUID(int=98), {"obligation": gid("Obligation", obligation_of(QUOTE, 2))}
OF_BOOKING = {**OF_PERSON, "booking": gid("Booking", BOOKING)}

LIFE: list[tuple[str, Json, list[str]]] = [
    ("startProject", {"commandId": f"{PROJECT}", "name": "Portal", "startsOn": TODAY}, ["ProjectStarted"]),
    ("ownProject", {**OF_PROJECT, "owner": gid("Person", ADA)}, ["ProjectOwned"]),
    ("rescheduleProject", {**OF_PROJECT, "dueOn": "2026-07-01", "reason": "More"}, ["ProjectRescheduled"]),
    ("planTask", {**OF_PROJECT, "commandId": f"{TASK}", "name": "Mend", "estimate": "PT8H"}, ["TaskPlanned"]),
    ("estimateTask", {**OF_TASK, "estimate": "PT12H", "reason": "Rotten"}, ["TaskEstimated"]),
    ("delegateTask", {**OF_TASK, "assignee": gid("Person", ADA)}, ["TaskDelegated"]),
    ("planMilestone", {**OF_PROJECT, "commandId": f"{MILESTONE}", "name": "Live"}, ["MilestonePlanned"]),
    ("rescheduleMilestone", {**OF_MILESTONE, "dueOn": "2026-07-01", "reason": "More"}, ["MilestoneRescheduled"]),
    ("claimProgress", {**OF_MILESTONE, **OF_PERSON, "percent": 50, "basis": "Half"}, ["ProgressClaimed"]),
    ("reachMilestone", {**OF_MILESTONE, **OF_PERSON, "evidence": "Protocol"}, ["MilestoneReached"]),
    ("retractMilestone", {**OF_MILESTONE, "reason": "It fell"}, ["MilestoneRetracted"]),
    ("abandonMilestone", {**OF_MILESTONE, "reason": "Moot"}, ["MilestoneAbandoned"]),
    ("agreeCapacity", {**OF_PERSON, "validFrom": TODAY, "weekdays": ["PT6H"] * 7}, ["CapacityAgreed"]),
    (
        "bookPerson",
        {
            **OF_PERSON,
            **OF_PROJECT,
            "commandId": f"{BOOKING}",
            "kind": "SOFT",
            "firstOn": TODAY,
            "lastOn": TODAY,
            "perDay": "PT7H",
        },
        ["PersonBooked", "PersonOvercommitted"],
    ),
    ("firmBooking", OF_BOOKING, ["BookingFirmed"]),
    ("releaseBooking", {**OF_BOOKING, "reason": "Moved"}, ["BookingReleased"]),
    ("agreeRate", {**OF_PERSON, "kind": "BILL", "perHour": "90.00 EUR", "validFrom": TODAY}, ["RateAgreed"]),
    ("adoptTimePolicy", {"name": "Strict", "dailyCap": "PT10H"}, ["TimePolicyAdopted"]),
    ("recordTime", {**OF_PERSON, **OF_TASK, "commandId": f"{ENTRY}", "workedOn": TODAY, "worked": "PT6H",
      "obligation": gid("Obligation", PROMISE), "role": "Senior engineer"},
     ["TimeRecorded", "TimeAllocated", "ObligationBurned"]),
    ("submitTime", OF_SHEET, ["TimeSubmitted"]),
    ("returnTime", {**OF_SHEET, **BY_BELA, "reason": "Which?"}, ["TimeReturned"]),
    ("recordTime", {**OF_PERSON, "commandId": f"{WRONG}", "workedOn": TODAY, "worked": "PT1H"},
     ["TimeRecorded", "TimeAllocated"]),
    ("reverseTime", {**OF_SHEET, "entry": gid("TimeEntry", WRONG), "reason": "Nothing"},
     ["TimeReversed", "AllocationWithdrawn"]),
    ("submitTime", {**OF_SHEET, "entry": gid("TimeEntry", ENTRY)}, ["TimeSubmitted"]),
    ("approveTime", {**OF_SHEET, **BY_BELA}, ["TimeApproved", "ActualsPosted"]),
    ("placeObligation", {**OF_PROJECT, "obligation": gid("Obligation", PROMISE)}, ["ObligationPlaced"]),
    ("deliverObligation", {**OF_SERVERS, **OF_PERSON, "commandId": f"{HANDED}", "quantity": "2", "evidence": "Note 7"},
     ["ObligationDelivered"]),
    ("reverseDelivery", {**OF_SERVERS, "delivery": gid("ObligationDelivery", HANDED), "reason": "Not yet"},
     ["DeliveryReversed"]),
    ("reallocateTime", {**OF_ENTRY, "reason": "Sold since"}, ["TimeReallocated", "TimeAllocated"]),
    ("writeOffTime", {**OF_ENTRY, "reason": "Our fault", "worked": "PT1H"},
     ["TimeWrittenOff", "ObligationBurned", "ActualsRestated"]),
    ("finishTask", OF_TASK, ["TaskFinished"]),
    ("resumeTask", {**OF_TASK, "reason": "More"}, ["TaskResumed"]),
    ("abandonTask", {**OF_TASK, "reason": "Moot"}, ["TaskAbandoned"]),
    ("closeProject", {**OF_PROJECT, "reason": "Done"}, ["ProjectClosed"]),
    ("reopenProject", {**OF_PROJECT, "reason": "Not done"}, ["ProjectReopened"]),
]  # fmt: skip
"""Every mutation of delivery: what is given, and the facts it records."""


async def test_every_mutation_of_delivery_records_what_it_says_and_what_its_rehearsal_said(world: World) -> None:
    await owed(world, HOURS, SERVERS)
    before = len(await world.facts())
    for name, id_ in (("Ada", ADA), ("Bela", BELA)):
        await Api(world).command("registerPerson", name=name, commandId=f"{id_}")
        before += 1
    for name, given, types in LIFE:
        api = Api(world, actor="bela" if name == "approveTime" else "tester")
        given = {"commandId": f"{uuid4()}", **given}
        rehearsed = await api.command(name, dryRun=True, **given)
        assert len(await world.facts()) == before, f"a rehearsal of {name} recorded something"
        answer = await api.command(name, **given)
        assert rehearsed == {**answer, "dryRun": True}, name
        facts = [{"position": f"{before + number}", "type": each} for number, each in enumerate(types, 1)]
        before += len(facts)
        assert answer.pop("__typename").endswith("Recorded"), (name, answer)
        assert answer["facts"] == facts, name


async def test_the_thing_that_a_mutation_is_about_is_answered_with_it(world: World) -> None:
    api = Api(world)
    await api.command("registerPerson", name="Ada", commandId=f"{ADA}")
    await api.command("startProject", name="Portal", commandId=f"{PROJECT}")
    about = {
        "ownProject": ("ProjectRecorded { project { owner { name } } }", {"project": {"owner": {"name": "Ada"}}}),
        "planTask": ("TaskRecorded { task { estimate } }", {"task": {"estimate": "PT8H"}}),
        "planMilestone": ("MilestoneRecorded { milestone { name } }", {"milestone": {"name": "Live"}}),
        "agreeRate": (
            "RateCardRecorded { rateCard { person { name } rates(first: 1) { nodes { kind perHour } } } }",
            {"rateCard": {"person": {"name": "Ada"}, "rates": {"nodes": [{"kind": "BILL", "perHour": "90.00 EUR"}]}}},
        ),
        "adoptTimePolicy": ("TimePolicyRecorded { timePolicy { dailyCap } }", {"timePolicy": {"dailyCap": "PT10H"}}),
        "recordTime": ("TimesheetRecorded { timesheet { worked } }", {"timesheet": {"worked": "PT6H"}}),
    }
    given = {name: fields for name, fields, _ in reversed(LIFE) if name in about}
    for name, (selection, expected) in about.items():
        fields = (
            {key: value for key, value in given[name].items() if key not in ("task", "obligation")}
            if name == "recordTime"
            else given[name]
        )
        answer = await api.command(name, f"... on {selection}", **fields)
        assert {key: answer[key] for key in expected} == expected, name
