"""Prepares the database: `python scripts/init_db.py init|seed|reset|drop`.

init   migrations, then test data
seed   test data only; what is there already stays
reset  drop, then init: DELETES ALL DATA
drop   all tables away: DELETES ALL DATA
"""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that the script runs from any folder

from alembic import command  # noqa: E402
from alembic.config import Config  # noqa: E402
from sqlalchemy import select  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncSession  # noqa: E402

from app import database, log  # noqa: E402
from app.models import User, UserAgent  # noqa: E402
from app.settings import settings  # noqa: E402

EMAIL = "test@example.com"
AGENTS = {
    "CodeAssistant": "Helps with programming",
    "DataAnalyst": "Analyses data",
    "DocumentWriter": "Writes technical documents",
}
logger = logging.getLogger("codelab.init_db")


def migrate() -> None:
    """All migrations, by Alembic: tables made in another way would make its next `upgrade` fail."""
    command.upgrade(Config(ROOT / "alembic.ini"), "head")


def drop() -> None:
    """All migrations undone."""
    command.downgrade(Config(ROOT / "alembic.ini"), "base")


async def _seed() -> None:
    async with AsyncSession(database.engine) as db:
        user = await db.scalar(select(User).where(User.email == EMAIL))
        if user is None:
            user = User(email=EMAIL)
            db.add(user)
            await db.flush()
        present = set(await db.scalars(select(UserAgent.name).where(UserAgent.user_id == user.id)))
        missing = [name for name in AGENTS if name not in present]
        db.add_all(UserAgent(user_id=user.id, name=name, config={"description": AGENTS[name]}) for name in missing)
        user_id = user.id
        await db.commit()
    logger.info("user %s (%s): %d agents added, %d were there", EMAIL, user_id, len(missing), len(present))
    await database.engine.dispose()


def seed() -> None:
    """The test user and the agents of that user."""
    asyncio.run(_seed())


STEPS = {"init": [migrate, seed], "seed": [seed], "reset": [drop, migrate, seed], "drop": [drop]}


def main() -> None:
    """Runs the steps of the action given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=STEPS)
    action = parser.parse_args().action
    log.configure(settings().log_level)
    for step in STEPS[action]:
        step()
    logger.info("%s: done", action)


if __name__ == "__main__":
    main()
