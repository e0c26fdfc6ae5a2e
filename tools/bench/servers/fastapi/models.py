"""The table as it is, and what clients send and get (SQLModel)."""

import secrets
import time
from datetime import datetime, timezone
from typing import Optional
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlmodel import Field, SQLModel


def uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then random ones."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)


def now() -> datetime:
    """To the millisecond, as the table keeps it."""
    instant = datetime.now(timezone.utc)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


class TaskBase(SQLModel):
    title: str = Field(min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=16384)
    completed: bool = False


class Task(TaskBase, table=True):
    __tablename__ = "tasks"
    __table_args__ = {"schema": "todo"}

    user_id: str = Field(primary_key=True)
    id: UUID = Field(
        default_factory=uuid7, sa_column=Column(Uuid(as_uuid=True), primary_key=True)
    )
    created_at: datetime = Field(
        default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False)
    )
    updated_at: datetime = Field(
        default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False)
    )


class TaskCreate(TaskBase):
    pass


class TaskUpdate(SQLModel):
    title: Optional[str] = Field(default=None, min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=16384)
    completed: Optional[bool] = None


class TaskRead(TaskBase):
    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime
