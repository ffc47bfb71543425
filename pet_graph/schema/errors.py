"""What a mutation may answer instead of recording: error types that share the interface `UserError`."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from ..decisions import Conflict, Failed, Invalid, Outcome, Refusal


@strawberry.interface(description="Why a command was not recorded.")
class UserError:
    code: str = strawberry.field(description="For programs: a word that stays the same from version to version.")
    message: str = strawberry.field(description="For people: one sentence.")
    path: list[str] = strawberry.field(description="The field of the input that it is about; empty for the whole.")


@strawberry.type(
    description="The command was decided against. It is kept in the journal, and sent again it stays refused: send "
    "another command, with another id, once circumstances have changed."
)
class Refused(UserError):
    repeated: bool = strawberry.field(description="Whether this is the answer to an earlier command of the same id.")


@strawberry.type(description="Somebody else recorded something first. Look again, and send another command.")
class VersionConflict(UserError):
    current_version: int = strawberry.field(description="The version that the thing has now.")


@strawberry.type(description="The command id was used before for something else; `path` names what differs.")
class CommandConflict(UserError):
    pass


@strawberry.type(description="Not well formed, so it was not decided; the command id is still free.")
class InvalidInput(UserError):
    pass


ERRORS = (Refused, VersionConflict, CommandConflict, InvalidInput)


def error_of(outcome: Outcome) -> Any:
    """The GraphQL object for an outcome that is not `Recorded`."""
    said: dict[str, Any] = {"code": outcome.code, "message": outcome.message, "path": list(outcome.path)}  # type: ignore[union-attr]
    match outcome:
        case Refusal(current_version=int() as version):
            return VersionConflict(**said, current_version=version)
        case Refusal(repeated=repeated):
            return Refused(**said, repeated=repeated)
        case Conflict():
            return CommandConflict(**said)
        case Invalid():
            return InvalidInput(**said)
        case Failed():
            return Refused(**said, repeated=False)
    raise TypeError(f"{outcome!r} is no error")


def result(name: str, recorded: Any) -> Any:
    """The union that a mutation answers with: what was recorded, or why nothing was."""
    return Annotated[
        recorded | Refused | VersionConflict | CommandConflict | InvalidInput,
        strawberry.union(name, description="What was recorded, or why nothing was."),
    ]
