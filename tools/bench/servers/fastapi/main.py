"""
What a Python team would write: FastAPI, SQLModel and python-jose on one uvicorn process, with
psycopg2 and ordinary (sync) endpoints, from Debian 12's packages. There is no row level security:
the statements alone say whose tasks they are. Whatever could be chosen is what was fastest here:

- A session is opened in the endpoint. As a dependency, FastAPI would hop to a thread to open it and
  once more to close it, and with fewer connections than its 40 threads it would lock up under load:
  threads that wait for a connection are the ones that closing a session waits for.
- The token is checked on the event loop, because it waits for nothing.
- No access log, no ping of connections, nothing read again after a commit.
- uvicorn takes uvloop and httptools where they can be imported.

Usage: DATABASE_URL=... BETTER_AUTH_SECRET=... HOST=... PORT=... /usr/bin/python3 bench/servers/fastapi/main.py
"""

import os
import sys
from typing import List, Optional
from uuid import UUID

sys.dont_write_bytecode = True  # nothing is left beside the sources

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from sqlalchemy import case, not_, update
from sqlmodel import select

from auth import current_user
from database import open_session
from models import Task, TaskCreate, TaskRead, TaskUpdate, due_instant, now

app = FastAPI()
TASKS = "/api/{user_id}/tasks"


@app.get("/readyz")
def ready():
    with open_session() as session:
        session.exec(select(1)).one()
    return {"status": "ok"}


def find(session, user_id: str, id: UUID) -> Task:
    one = select(Task).where(Task.user_id == user_id, Task.id == id, Task.deleted_at.is_(None))
    task = session.exec(one).first()
    if task is None:
        raise HTTPException(status_code=404, detail="not_found")
    return task


def complete(task: Task) -> None:
    """Sets the members that follow from others."""
    task.completed_at = (task.completed_at or now()) if task.completed else None
    task.due_at = due_instant(task.due_date, task.due_time, task.due_zone)


def changed(task: Task) -> None:
    task.updated_at = now()
    task.seq += 1


@app.get(TASKS, response_model=List[TaskRead])
def list_tasks(
    limit: Optional[int] = Query(default=None, ge=1, le=1000),
    user_id: str = Depends(current_user),
):
    with open_session() as session:
        owned = select(Task).where(Task.user_id == user_id, Task.deleted_at.is_(None))
        statement = owned.order_by(Task.id.desc())
        return session.exec(statement.limit(limit)).all()


@app.post(TASKS, response_model=TaskRead, status_code=201)
def create_task(body: TaskCreate, user_id: str = Depends(current_user)):
    with open_session() as session:
        # Members that were left out have the defaults of the table.
        members = body.dict(exclude_unset=True)
        task = Task(user_id=user_id, folded_title=body.title.lower(), **members)
        complete(task)
        session.add(task)
        session.commit()
        return task


@app.get(TASKS + "/{id}", response_model=TaskRead)
def read_task(id: UUID, user_id: str = Depends(current_user)):
    with open_session() as session:
        return find(session, user_id, id)


@app.put(TASKS + "/{id}", response_model=TaskRead)
def update_task(id: UUID, body: TaskUpdate, user_id: str = Depends(current_user)):
    with open_session() as session:
        task = find(session, user_id, id)
        for name, value in body.dict(exclude_unset=True).items():
            setattr(task, name, value)
        task.folded_title = task.title.lower()
        complete(task)
        changed(task)
        session.add(task)
        session.commit()
        return task


@app.delete(TASKS + "/{id}", status_code=204)
def delete_task(id: UUID, user_id: str = Depends(current_user)):
    with open_session() as session:
        task = find(session, user_id, id)
        task.deleted_at = now()
        changed(task)
        session.commit()
        return Response(status_code=204)


@app.patch(TASKS + "/{id}/complete", response_model=TaskRead)
def toggle_task(id: UUID, user_id: str = Depends(current_user)):
    instant = now()
    with open_session() as session:
        statement = (
            update(Task)
            .where(Task.user_id == user_id, Task.id == id, Task.deleted_at.is_(None))
            .values(
                completed=not_(Task.completed),
                completed_at=case((Task.completed, None), else_=instant),
                updated_at=instant,
                seq=Task.seq + 1,
            )
            .returning(*Task.__table__.c)
        )
        task = session.execute(statement).mappings().first()
        if task is None:
            raise HTTPException(status_code=404, detail="not_found")
        session.commit()
        return task


if __name__ == "__main__":
    uvicorn.run(
        app,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
    )
