"""Settings, read once from the environment (`PET_…`) and never looked up elsewhere."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of PET. Each is an environment variable: `PET_` and the name in capitals."""

    model_config = SettingsConfigDict(env_prefix="PET_", frozen=True)

    data: Path = Field(
        default=Path(".pet"), description="The folder of the embedded database and of the local signing key."
    )
    database_url: str | None = Field(
        default=None,
        description="Your own PostgreSQL (postgresql://…). Without it PET runs one of its own in the data folder.",
    )
    database_owner_url: str | None = Field(
        default=None,
        description="The same as a user who may create schemas and roles, for migrations; grant the other pet_app.",
    )
    jwks_url: str | None = Field(
        default=None, description="Accept tokens signed by the keys published here, instead of the local key."
    )
    token_issuer: str | None = Field(default=None, description="Accept only tokens whose `iss` is this.")
    token_audience: str | None = Field(default=None, description="Accept only tokens whose `aud` holds this.")
    allowed_origins: list[str] = Field(
        default=[], description="Web origins (besides PET's own) that may open WebSockets."
    )
    pool_size: int = Field(
        default=20,
        ge=1,
        le=200,
        description="Database connections a process keeps for reading, when as many are in use.",
    )
    turn_limit: int = Field(default=256, ge=1, le=2_000, description="The most commands that are written in one turn.")
    queue_limit: int = Field(
        default=5_000, ge=1, description="The most commands that may wait for a turn before refusals."
    )
    ring_size: int = Field(
        default=10_000,
        ge=10,
        description="Recent facts kept in memory for subscribers, and messages for one who reads slowly.",
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, description="How often to look for new facts should the bell be lost."
    )
    body_limit_bytes: int = Field(default=1_048_576, ge=1_024, description="The largest request or message accepted.")
    demo: bool = Field(default=False, description="Keep a demonstration firm busy.")
