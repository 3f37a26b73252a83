"use strict";
// Settings of every service, read once from the environment (see `.env.example`).

/** Ends the process with the reason as its only words. */
function refuse(reason) {
  console.error(`estimate-service can't start: ${reason}`);
  process.exit(1);
}

function number(name, fallback) {
  const text = process.env[name] || String(fallback);
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) refuse(`${name} is ${JSON.stringify(text)}, and has to be a whole number above 0`);
  return value;
}

function text(name, fallback = "") {
  return process.env[name] || fallback;
}

/** A secret that a service cannot do without in production. */
function secret(name) {
  const value = text(name);
  if (!value && text("NODE_ENV") === "production") refuse(`${name} is not set`);
  return value || "only for local development";
}

if (text("STORAGE_TYPE", "local") !== "local") refuse("STORAGE_TYPE can only be local here: there is no client for s3 or azure");

module.exports = {
  refuse,
  secret,
  version: text("APP_VERSION", "1"),
  port: number("PORT", 3000),
  logLevel: text("LOG_LEVEL", "info"),
  logFormat: text("LOG_FORMAT", "json"),
  databaseUrl: text("DATABASE_URL", "postgresql://estimate_user:secure_password@localhost:5432/estimate_db"),
  redisUrl: text("REDIS_URL", "redis://localhost:6379"),
  chromaUrl: text("CHROMA_URL", "http://localhost:8000"),
  chromaKey: text("CHROMA_API_KEY"),
  model: text("OPENAI_MODEL", "gpt-4"),
  metrics: text("PROMETHEUS_ENABLED", "true") === "true",
  corsOrigin: text("CORS_ORIGIN"),
  rateLimit: { ttl: number("RATE_LIMIT_TTL", 60000), limit: number("RATE_LIMIT_LIMIT", 1000) },
  tokens: { seconds: number("JWT_EXPIRES_IN", 3600), refreshSeconds: number("JWT_REFRESH_EXPIRES_IN", 2592000) },
  uploads: { folder: text("UPLOAD_DIR", "uploads"), maxSize: number("UPLOAD_MAX_SIZE", 10485760) },
  schedule: text("FSBTS_UPDATE_SCHEDULE", "0 2 * * *"),
  upstreams: {
    estimate: text("ESTIMATE_URL", "http://estimate-service:3000"),
    assistant: text("ASSISTANT_URL", "http://ai-assistant:3000"),
    collector: text("COLLECTOR_URL", "http://data-collector:3000"),
  },
};
