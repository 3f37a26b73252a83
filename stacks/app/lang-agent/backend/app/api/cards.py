"""Vocabulary cards and the answers given to them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from app import llm
from app.database import Card, Database, Exercise
from app.metrics import EXERCISES
from app.tokens import User

router = APIRouter(prefix="/api/cards", tags=["cards"])


class NewCard(BaseModel):
    """A word to be learned. Without a translation, one is asked for."""

    word: str = Field(min_length=1, max_length=200)
    translation: str | None = Field(default=None, max_length=200)


class CardOut(BaseModel):
    """A card as the API shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    word: str
    translation: str
    created_at: datetime


class Answer(BaseModel):
    """What somebody thinks the translation is."""

    translation: str = Field(max_length=200)


class Verdict(BaseModel):
    """Whether the answer was right."""

    right: bool
    translation: str


@router.post("", status_code=201)
async def add(new: NewCard, user: User, db: Database) -> CardOut:
    """Adds a card."""
    card = Card(owner=user, word=new.word, translation=new.translation or await llm.translate(new.word))
    db.add(card)
    await db.commit()
    return CardOut.model_validate(card)


@router.get("")
async def mine(user: User, db: Database) -> list[CardOut]:
    """The latest 100 cards of the user."""
    wanted = select(Card).where(Card.owner == user).order_by(Card.created_at.desc()).limit(100)
    return [CardOut.model_validate(card) for card in await db.scalars(wanted)]


@router.post("/{card_id}/answer")
async def answer(card_id: UUID, given: Answer, user: User, db: Database) -> Verdict:
    """Compares an answer with the card, and counts it."""
    card = await db.get(Card, card_id)
    if card is None or card.owner != user:
        raise HTTPException(404, f"no card {card_id}")
    right = given.translation.strip().casefold() == card.translation.casefold()
    db.add(Exercise(card_id=card_id, right=right))
    await db.commit()
    EXERCISES.labels("right" if right else "wrong").inc()
    return Verdict(right=right, translation=card.translation)
