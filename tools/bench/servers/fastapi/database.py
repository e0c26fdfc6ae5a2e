"""The engine, and the sessions on it."""

import os

from sqlmodel import Session, create_engine

_, _, address = os.environ["DATABASE_URL"].partition("://")

# 16 connections were slightly faster than 4, 8 and 40.
engine = create_engine(
    f"postgresql+psycopg2://{address}", pool_size=16, max_overflow=0, pool_pre_ping=False
)


def open_session() -> Session:
    return Session(engine, expire_on_commit=False)
