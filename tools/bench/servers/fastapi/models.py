"""The table as it is, and what clients send and get (SQLModel)."""

import secrets
import time
from datetime import date, datetime, timezone
from datetime import time as clock
from enum import Enum
from typing import Dict, List, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Column, DateTime, SmallInteger, Text, Time
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as Uuid
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


def uuid7() -> UUID:
    """A UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then random ones."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)


def now() -> datetime:
    """To the millisecond, as the table keeps it."""
    moment = datetime.now(timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def first_position() -> str:
    """Decreases with time, so that a new task is before all others."""
    return f"0{10**14 - time.time_ns() // 1_000_000:014d}"


def due_instant(
    due_date: Optional[date], due_time: Optional[str], due_zone: Optional[str]
) -> Optional[datetime]:
    if due_date is None or due_time is None or due_zone is None:
        return None
    return datetime.combine(due_date, clock.fromisoformat(due_time), ZoneInfo(due_zone))


class Priority(str, Enum):
    none = "none"
    low = "low"
    medium = "medium"
    high = "high"


PRIORITIES = list(Priority)


class PriorityNumber(TypeDecorator):
    """A smallint that is a name on the wire."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return PRIORITIES.index(Priority(value))

    def process_result_value(self, value, dialect):
        return PRIORITIES[value]


class Minutes(TypeDecorator):
    """A time without seconds."""

    impl = Time
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else clock.fromisoformat(value)

    def process_result_value(self, value, dialect):
        return None if value is None else value.strftime("%H:%M")


def instant(**options):
    return Field(sa_column=Column(DateTime(timezone=True)), **options)


class TaskBase(SQLModel):
    title: str = Field(min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=16384)
    completed: bool = False
    due_date: Optional[date] = None
    due_zone: Optional[str] = None
    parent_id: Optional[UUID] = None


class Task(TaskBase, table=True):
    __tablename__ = "tasks"
    __table_args__ = {"schema": "todo"}

    user_id: str = Field(primary_key=True)
    id: UUID = Field(
        default_factory=uuid7, sa_column=Column(Uuid(as_uuid=True), primary_key=True)
    )
    completed_at: Optional[datetime] = instant(default=None)
    priority: Priority = Field(default=Priority.none, sa_column=Column(PriorityNumber))
    tags: List[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text)))
    due_time: Optional[str] = Field(default=None, sa_column=Column(Minutes))
    due_at: Optional[datetime] = instant(default=None)
    recurrence: Optional[Dict[str, str]] = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    series_id: Optional[UUID] = None
    parent_id: Optional[UUID] = Field(default=None, sa_column=Column(Uuid(as_uuid=True)))
    position: str = Field(default_factory=first_position)
    created_at: datetime = instant(default_factory=now)
    updated_at: datetime = instant(default_factory=now)
    folded_title: str
    # A trigger of the table requires a greater number with each change.
    seq: int = Field(default=1, sa_column=Column(BigInteger))
    deleted_at: Optional[datetime] = instant(default=None)


class TaskCreate(TaskBase):
    priority: Priority = Priority.none
    tags: List[str] = Field(default_factory=list)
    due_time: Optional[str] = Field(default=None, regex=r"^\d\d:\d\d$")
    recurrence: Optional[Dict[str, str]] = None
    position: Optional[str] = Field(default=None, regex="^[0-9A-Za-z]{1,128}$")


class TaskUpdate(SQLModel):
    title: Optional[str] = Field(default=None, min_length=1, max_length=500)
    description: Optional[str] = Field(default=None, max_length=16384)
    completed: Optional[bool] = None
    priority: Optional[Priority] = None
    tags: Optional[List[str]] = None
    due_date: Optional[date] = None
    due_time: Optional[str] = Field(default=None, regex=r"^\d\d:\d\d$")
    due_zone: Optional[str] = None
    recurrence: Optional[Dict[str, str]] = None
    parent_id: Optional[UUID] = None
    position: Optional[str] = Field(default=None, regex="^[0-9A-Za-z]{1,128}$")


class TaskRead(TaskBase):
    id: UUID
    user_id: str
    completed_at: Optional[datetime]
    priority: Priority
    tags: List[str]
    due_time: Optional[str]
    due_at: Optional[datetime]
    recurrence: Optional[Dict[str, str]]
    series_id: Optional[UUID]
    position: str
    created_at: datetime
    updated_at: datetime
