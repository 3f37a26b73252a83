"""Easy Flow: takes messages over HTTP and webhooks, has Celery workers process them, and tells what became of them."""
