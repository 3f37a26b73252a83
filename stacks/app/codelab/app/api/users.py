"""Users and their agents."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import session
from app.models import User, UserAgent

router = APIRouter(tags=["users"])
Database = Annotated[AsyncSession, Depends(session)]


class NewUser(BaseModel):
    """A user to be created."""

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)


class UserOut(BaseModel):
    """A user as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    email: str
    created_at: datetime


class AgentOut(BaseModel):
    """An agent as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: str
    status: str


@router.post("/users", status_code=201)
async def create_user(new: NewUser, db: Database) -> UserOut:
    """Creates a user; 409 when the address is taken."""
    user = User(email=new.email)
    db.add(user)
    try:
        await db.commit()
    except IntegrityError as error:
        raise HTTPException(409, f"a user with the address {new.email} exists") from error
    return UserOut.model_validate(user)


@router.get("/users")
async def list_users(db: Database) -> list[UserOut]:
    """The latest 100 users."""
    found = await db.scalars(select(User).order_by(User.created_at.desc()).limit(100))
    return [UserOut.model_validate(user) for user in found]


@router.get("/users/{user_id}/agents")
async def list_agents(user_id: UUID, db: Database) -> list[AgentOut]:
    """The agents of a user; 404 when there is no such user."""
    if await db.get(User, user_id) is None:
        raise HTTPException(404, f"no user {user_id}")
    found = await db.scalars(select(UserAgent).where(UserAgent.user_id == user_id).order_by(UserAgent.name))
    return [AgentOut.model_validate(agent) for agent in found]
