"""Inputs made from commands: every kind of field that a command may have, from the client's text to the command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
import pytest
import strawberry
from api import gid
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryContainer, StrawberryList, StrawberryOptional

from pet_graph.decisions import Invalid
from pet_graph.events import COMMANDS
from pet_graph.events.base import MOST_MICROS, Command, Money, Quantity, Refused, Role, about, ref, text
from pet_graph.events.checks import Reference, check, references
from pet_graph.graph import schema
from pet_graph.schema.inputs import command_of, input_for
from pet_graph.schema.scalars import SCALARS

NOBODY = UUID(int=1)
NAMES = NameConverter()


class Place(Command, frozen=True):
    """A struct inside."""

    town: Annotated[str, text("Where.")]


class Part(Command, frozen=True):
    """A struct in a list."""

    price: Annotated[Money, about("What it costs.", ge=0)]
    quantity: Annotated[Quantity, about("How many.", ge=1)] = Quantity(1_000_000)
    worker: Annotated[UUID, ref("person", "Who does it.")] | None = None
    discount: Annotated[Money, about("Taken off.", le=10_000_000)] | None = None


class TryEverything(Command, frozen=True):
    """Every kind of field."""

    parts: Annotated[tuple[Part, ...], about("Structs.", min_length=1)]
    place: Annotated[Place, about("A struct.")] | None = None
    day: Annotated[date, about("A day.")] | None = None
    span: Annotated[timedelta, about("A span.")] | None = None
    roles: Annotated[tuple[Role, ...], about("Enums.")] = ()
    amount: Annotated[Money, about("Money.")] | None = None


Given: Any = input_for(TryEverything)
MADE: list[Any] = []


@strawberry.type
class Query:
    @strawberry.field
    def make(self, input: Given) -> str:
        MADE.append(command_of(TryEverything, input))
        return "made"


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))


def made(**given: Any) -> Any:
    """What becomes of a client's input."""
    input_ = {"commandId": str(uuid4()), **given}
    result = SCHEMA.execute_sync(
        "query ($input: TryEverythingInput!) { make(input: $input) }", variable_values={"input": input_}
    )
    assert not result.errors, result.errors
    return MADE.pop()


def told(**given: Any) -> tuple[str, str, tuple[str, ...]]:
    """Code, sentence and path with which a command is found not to be well formed."""
    with pytest.raises(Refused) as refused:
        check(made(**given))
    return refused.value.code, str(refused.value), refused.value.path


def test_every_kind_of_field_arrives_as_the_domain_has_it() -> None:
    command = made(
        parts=[{"price": "12.5 EUR", "quantity": "0.5", "worker": gid("Person", NOBODY)}, {"price": "0 EUR"}],
        place={"town": "Brno"},
        day="2026-06-01",
        span="PT1H30M",
        roles=["SALES"],
        amount="-1.000001 CHF",
    )
    check(command)
    assert command == TryEverything(
        parts=(
            Part(price=Money(12_500_000, "EUR"), quantity=Quantity(500_000), worker=NOBODY),
            Part(price=Money(0, "EUR"), quantity=Quantity(1_000_000)),
        ),
        place=Place(town="Brno"),
        day=date(2026, 6, 1),
        span=timedelta(minutes=90),
        roles=(Role.SALES,),
        amount=Money(-1_000_001, "CHF"),
    )
    assert type(command.day) is date
    assert not isinstance(command.day, datetime)


def test_money_and_quantities_keep_their_limits_and_say_them_as_clients_write_them() -> None:
    too_low, price = ("out_of_range", ("parts", "1", "price")), {"price": "0 EUR"}
    code, sentence, path = told(parts=[price, {"price": "-0.5 EUR"}])
    assert ((code, path), sentence) == (too_low, "price is -0.50 EUR; the least is 0.00 EUR.")
    code, sentence, path = told(parts=[{**price, "discount": "10.01 EUR"}])
    assert (code, sentence) == ("out_of_range", "discount is 10.01 EUR; the most is 10.00 EUR.")
    code, sentence, path = told(parts=[{**price, "quantity": "0"}])
    assert (sentence, path) == ("quantity is 0; the least is 0.000001.", ("parts", "0", "quantity"))
    assert told(parts=[])[0] == "wrong_length"
    assert told(parts=[price], place={"town": " "})[2] == ("place", "town")


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (Money(MOST_MICROS + 1, "EUR"), "out_of_range"),
        (Money(-MOST_MICROS - 1, "EUR"), "out_of_range"),
        (Money(1, "eur"), "not_a_currency"),
        (Money(1, "EURO"), "not_a_currency"),
        (Money(1, ""), "not_a_currency"),
    ],
)
def test_money_that_no_client_could_write_is_refused_at_every_door(amount: Money, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check(TryEverything(parts=(Part(price=Money(0, "EUR")),), amount=amount))
    assert (refused.value.code, refused.value.path) == (code, ("amount",))


def test_what_is_named_inside_a_list_is_looked_for_like_any_other() -> None:
    part = Part(price=Money(0, "EUR"))
    command = TryEverything(parts=(part, msgspec.structs.replace(part, worker=NOBODY)))
    assert list(references(command)) == [Reference("person", NOBODY, ("parts", "1", "worker"))]


def test_an_id_inside_a_list_is_told_with_its_place() -> None:
    wrong = made(parts=[{"price": "0 EUR"}, {"price": "0 EUR", "worker": gid("Customer", NOBODY)}])
    assert isinstance(wrong, Invalid)
    assert (wrong.code, wrong.path) == ("wrong_type", ("parts", "1", "worker"))


def test_inputs_are_made_as_strawberry_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [input_for(command) for command, _ in COMMANDS.values()]
    converter, config = schema.schema_converter, schema.config
    given = [(kind, _whole(kind)) for kind in kinds]

    def made() -> list[Any]:
        return [convert_argument(value, kind, converter.scalar_registry, config) for kind, value in given]

    ours = made()
    for inner in {inner for kind in kinds for inner in _inside(kind)}:
        monkeypatch.setattr(inner.__strawberry_definition__, "from_input", None)
    assert ours == made()
    assert [vars(one).keys() for one in ours] == [{field.name for field in fields(kind)} for kind in kinds]


def _whole(kind: Any) -> dict[str, Any]:
    """What a client may write for an input, all of it; a value that needs no making stands for itself."""
    return {NAMES.from_field(field): _value(field.type) for field in kind.__strawberry_definition__.fields}


def _value(kind: Any) -> Any:
    if isinstance(kind, StrawberryOptional):
        return _value(kind.of_type)
    if isinstance(kind, StrawberryList):
        return [_value(kind.of_type), _value(kind.of_type)]
    return _whole(kind) if _is_input(kind) else "as it is"


def _is_input(kind: Any) -> bool:
    return bool(getattr(getattr(kind, "__strawberry_definition__", None), "is_input", False))


def _inside(kind: Any) -> Iterator[Any]:
    """An input type and those inside it."""
    while isinstance(kind, StrawberryContainer):
        kind = kind.of_type
    if _is_input(kind):
        yield kind
        for field in kind.__strawberry_definition__.fields:
            yield from _inside(field.type)
