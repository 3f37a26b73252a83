"""The bot: `/add` asks for a word and keeps it as a card. Its webhook is registered when the service starts."""

import asyncio
import hashlib
import json
import logging
import urllib.request

from app import cache, llm
from app.database import Card, sessions
from app.settings import settings

logger = logging.getLogger("langagent.bot")

# Seconds between two tries to register, and that one call may take.
PAUSE = 5
CALL_TIMEOUT = 5


def webhook_secret() -> str:
    """What Telegram has to send with each update; follows from the bot's token, so all replicas know it."""
    return hashlib.sha256(f"webhook {settings().telegram.token}".encode()).hexdigest()


def _call(method: str, body: dict) -> dict:
    telegram = settings().telegram
    request = urllib.request.Request(
        f"{telegram.api_url}/bot{telegram.token}/{method}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=CALL_TIMEOUT) as answer:
        return json.load(answer)


async def register() -> None:
    """Tells Telegram where updates are to be sent, as often as it takes."""
    telegram = settings().telegram
    if not (telegram.on and telegram.webhook_url):
        logger.info("no webhook registered: TELEGRAM_API_URL, TELEGRAM_BOT_TOKEN and TELEGRAM_WEBHOOK_URL are not all set")
        return
    body = {"url": telegram.webhook_url, "secret_token": webhook_secret()}
    while True:
        try:
            await asyncio.to_thread(_call, "setWebhook", body)
        except (OSError, ValueError) as error:  # its text may hold the URL, and that the token
            logger.error("webhook not registered yet: %s", type(error).__name__)
            await asyncio.sleep(PAUSE)
        else:
            logger.info("webhook registered: %s", telegram.webhook_url)
            return


async def ping() -> None:
    """Asks Telegram who the bot is; raises what the call raises."""
    await asyncio.to_thread(_call, "getMe", {})


async def _answer(chat: int, text: str) -> str:
    state = await cache.conversation(chat)
    if text == "/add":
        await cache.set_conversation(chat, {"waits_for": "word"})
        return "Which word?"
    if state is None:
        return "Send /add to add a card."
    async with sessions() as session:
        session.add(Card(owner=f"telegram:{chat}", word=text, translation=await llm.translate(text)))
        await session.commit()
    await cache.set_conversation(chat, None)
    return f"Added: {text}"


async def handle(chat: int, text: str) -> str:
    """Answers a message; the answer is also sent, when there is a Telegram to send it to."""
    answer = await _answer(chat, text)
    if settings().telegram.on:
        try:
            await asyncio.to_thread(_call, "sendMessage", {"chat_id": chat, "text": answer})
        except (OSError, ValueError) as error:  # the work is done; whoever wrote sees it in the list of cards
            logger.error("chat %s: not answered: %s", chat, type(error).__name__)
    return answer
