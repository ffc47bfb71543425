"""The whole graph on one page: Query, Mutation, Subscription, and the rules for all operations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    build_schema,
    lexicographic_sort_schema,
    print_schema,
    specified_rules,
)
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import (
    AddValidationRules,
    MaskErrors,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
    max_aliases,
    query_depth_limiter,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from .database import LOST
from .resolvers.actuals import ActualQueries
from .resolvers.allocations import AllocationCommands, AllocationQueries
from .resolvers.approval_limits import ApprovalLimitCommands, ApprovalLimitQueries
from .resolvers.attainments import AttainmentQueries
from .resolvers.bookings import BookingCommands, BookingQueries
from .resolvers.calendars import CalendarCommands, CalendarQueries
from .resolvers.customers import CustomerCommands, CustomerQueries
from .resolvers.deliveries import DeliveryQueries, DeliverySubscriptions
from .resolvers.facts import FactCommands, FactQueries, FactSubscriptions
from .resolvers.holidays import HolidayCommands
from .resolvers.leads import LeadCommands, LeadQueries
from .resolvers.milestones import MilestoneCommands, MilestoneQueries
from .resolvers.obligations import ObligationCommands, ObligationQueries
from .resolvers.opportunities import OpportunityCommands, OpportunityQueries
from .resolvers.people import PersonCommands, PersonQueries
from .resolvers.policies import PolicyCommands, PolicyQueries
from .resolvers.previews import PreviewQueries
from .resolvers.projects import ProjectCommands, ProjectQueries
from .resolvers.quote_versions import QuoteVersionQueries
from .resolvers.quotes import QuoteCommands, QuoteQueries
from .resolvers.rates import RateCommands, RateQueries
from .resolvers.risks import RiskQueries
from .resolvers.slas import SlaQueries
from .resolvers.tasks import TaskCommands, TaskQueries
from .resolvers.tickets import TicketCommands, TicketQueries, TicketSubscriptions
from .resolvers.time_entries import TimeEntryCommands, TimeEntryQueries
from .resolvers.time_policies import TimePolicyCommands, TimePolicyQueries
from .resolvers.verdicts import VerdictSubscriptions
from .schema import NODES, VERDICTS
from .schema.scalars import SCALARS
from .turn import Unavailable

DEEPEST = 12
MOST_ALIASES = 100
MOST_TOKENS = 20_000
KEPT = 500
"""How many documents are kept, parsed and validated."""
UNAVAILABLE = "The database does not answer. Send the same again in a moment."
CLIENTS_OWN = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError)
"""What a client can bring about."""

logger = logging.getLogger(__name__)


@strawberry.type(description="What can be read.")
class Query(
    CustomerQueries,
    PersonQueries,
    PolicyQueries,
    ApprovalLimitQueries,
    LeadQueries,
    OpportunityQueries,
    QuoteQueries,
    QuoteVersionQueries,
    CalendarQueries,
    ObligationQueries,
    TicketQueries,
    SlaQueries,
    RiskQueries,
    AttainmentQueries,
    PreviewQueries,
    FactQueries,
    ProjectQueries,
    TaskQueries,
    MilestoneQueries,
    BookingQueries,
    RateQueries,
    TimePolicyQueries,
    TimeEntryQueries,
    ActualQueries,
    AllocationQueries,
    DeliveryQueries,
):
    pass


@strawberry.type(description="What can be recorded. Nothing is ever edited: a mistake is corrected by another fact.")
class Mutation(
    CustomerCommands,
    PersonCommands,
    PolicyCommands,
    ApprovalLimitCommands,
    LeadCommands,
    OpportunityCommands,
    QuoteCommands,
    CalendarCommands,
    HolidayCommands,
    ObligationCommands,
    TicketCommands,
    FactCommands,
    ProjectCommands,
    TaskCommands,
    MilestoneCommands,
    BookingCommands,
    RateCommands,
    TimePolicyCommands,
    TimeEntryCommands,
    AllocationCommands,
):
    pass


@strawberry.type(description="What can be followed. Every message carries a cursor to go on from.")
class Subscription(TicketSubscriptions, VerdictSubscriptions, FactSubscriptions, DeliverySubscriptions):
    pass


class OwnContext(SchemaExtension):
    """Each operation its own context, also when many share a socket."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.context = self.execution_context.context.fork()
        yield


class Parsed(ParserCache):
    """Documents are parsed once. What is none is parsed again by strawberry, who can tell it also to a stream."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        with suppress(GraphQLError):
            context.graphql_document = self.cached_parse_document(context.query, **context.parse_options)
        yield


class OneOperation(SchemaExtension):
    """Of several operations in a document the client has to name one; strawberry would run the first."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        definitions = context.graphql_document.definitions if context.graphql_document else ()
        if context._provided_operation_name is None and sum(map(_is_operation, definitions)) > 1:
            context.pre_execution_errors = [GraphQLError("This document has several operations: send operationName.")]
        yield


def _is_operation(definition: object) -> bool:
    return isinstance(definition, OperationDefinitionNode)


def is_bad_luck(error: GraphQLError) -> bool:
    """Whether the database did not answer; the same may be asked again."""
    return isinstance(error.original_error, (Unavailable, TimeoutError, *LOST))


def is_ours(error: GraphQLError) -> bool:
    """Whether an error is a bug of ours, whose details are nobody's business."""
    cause = error.original_error
    at_a_place_in_the_document = error.nodes is not None and error.path is None
    return (
        cause is not None
        and not isinstance(cause, CLIENTS_OWN)
        and not is_bad_luck(error)
        and not at_a_place_in_the_document
    )


class Masked(MaskErrors):
    """Clients learn that something failed on our side; the log learns what."""

    def __init__(self) -> None:
        super().__init__(is_ours, "An error on our side. Nothing is known to have been recorded.")

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        masked = super().anonymise_error(error)
        masked.extensions = {"code": "INTERNAL"}
        return masked


class Spliced(StrawberryGraphQLCoreExecutionContext):
    """Leaves out the root fields that the planner has answered already, and lets JSON that is made stand as it is."""

    def execute_root_grouped_field_set(
        self, root_type: Any, root_value: Any, grouped_field_set: Any, serially: bool, position_context: Any
    ) -> Any:
        answered = getattr(self.context_value, "answered", ())
        remaining = {key: fields for key, fields in grouped_field_set.items() if key not in answered}
        return super().execute_root_grouped_field_set(root_type, root_value, remaining, serially, position_context)

    def complete_object_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        if type(result) is orjson.Fragment:
            return result
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)


class Schema(strawberry.Schema):
    async def execute(self, *given: Any, **how: Any) -> ExecutionResult:
        """A subscription is not answered once: it needs `stream`."""
        allowed = set(how.get("allowed_operation_types") or OperationType)
        how["allowed_operation_types"] = allowed - {OperationType.SUBSCRIPTION}
        return await super().execute(*given, **how)

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Give every error its code. Our own are logged with their traces; a client's are not worth a line."""
        for error in errors:
            if is_ours(error):
                logger.error("%s", error.message, exc_info=error.original_error)
            elif is_bad_luck(error):
                logger.warning("the database does not answer: %r", error.original_error)
                error.message = error.message if isinstance(error.original_error, Unavailable) else UNAVAILABLE
                error.extensions = {"code": "UNAVAILABLE", "retryable": True}
            else:
                error.extensions = {"code": "BAD_USER_INPUT", **(error.extensions or {})}


# Built once: the validation cache is keyed by the rules, and rules built anew for each request never hit it.
RULES = (
    query_depth_limiter.create_validator(DEEPEST, None),
    max_aliases.create_validator(MOST_ALIASES),
)

schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[*(kind for _, kind in NODES.values()), *VERDICTS],
    extensions=[
        OwnContext,
        Masked,
        lambda: AddValidationRules(list(RULES)),
        lambda: MaxTokensLimiter(max_token_count=MOST_TOKENS),
        lambda: Parsed(KEPT),
        lambda: ValidationCache(KEPT),
        OneOperation,
    ],
    execution_context_class=Spliced,
    config=StrawberryConfig(scalar_map=SCALARS),
)


def checked(query: str) -> DocumentNode:
    """The document that a text is, if it may be executed; kept where strawberry's execution keeps them.

    Raises GraphQLError with what is wrong first, or RecursionError.
    """
    document: DocumentNode = Parsed(KEPT).cached_parse_document(query, max_tokens=MOST_TOKENS)
    errors = ValidationCache(KEPT).cached_validate_document(schema._schema, document, (*specified_rules, *RULES))
    if errors:
        raise errors[0]
    return document


def sdl() -> str:
    """The schema as text, sorted: the promise to clients that `schema.graphql` holds.

    Sorted after printing, because strawberry's own `sort_schema` replaces its enum types by ones that know no members.
    """
    return print_schema(lexicographic_sort_schema(build_schema(schema.as_str()))) + "\n"
