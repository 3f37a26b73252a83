"""Where a language model would be asked for a translation. None is: the answer is made here, and counted all the same."""

from app import cache
from app.metrics import LLM_COST, LLM_TOKENS
from app.settings import settings

DOLLARS_PER_TOKEN = 0.000001


async def translate(word: str) -> str:
    """A translation, from the cache when it is there."""
    if (kept := await cache.translation(word)) is not None:
        return kept
    answer = f"{word} (not translated: no language model here)"
    tokens = len(word.split()) + len(answer.split())
    LLM_TOKENS.labels(settings().llm_model).inc(tokens)
    LLM_COST.labels(settings().llm_model).inc(tokens * DOLLARS_PER_TOKEN)
    await cache.keep_translation(word, answer)
    return answer
