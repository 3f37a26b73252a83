#!/usr/bin/env bash
# Brings the database to the newest schema, then serves.
set -euo pipefail

alembic upgrade head

exec uvicorn app.main:app --host 0.0.0.0 --port "${PORT:-8000}"
