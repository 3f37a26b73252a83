"""lang-agent's backend: vocabulary cards, exercises and a Telegram bot."""
