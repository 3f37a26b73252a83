"use strict";
// The AI assistant: answers questions from the documents in Chroma that are nearest to them.

const cache = require("../lib/cache");
const chroma = require("../lib/chroma");
const { Counter, Histogram } = require("../lib/metrics");
const { json, serve, text } = require("../lib/server");
const settings = require("../lib/settings");

settings.secret("JWT_SECRET");

// Seconds that Redis keeps an answer.
const KEPT = 60;
const SOURCES = 3;

const calls = new Counter("ai_requests_total", "Questions answered, without those that Redis knew.");
const durations = new Histogram("ai_request_duration_seconds", "Time to answer a question.");

async function answer(question) {
  const started = Date.now();
  const sources = await chroma.nearest(question, SOURCES);
  calls.add({ model: settings.model });
  durations.observe((Date.now() - started) / 1000, { model: settings.model });
  // Here a model would be asked with the sources. None is.
  return { answer: sources.length ? `See: ${sources[0].text}` : "No document is about this.", model: `${settings.model}, not asked`, sources };
}

async function ask({ request }) {
  const { question } = await json(request);
  text(question, "question");
  return { content: await cache.remember(`answer:${question}`, KEPT, () => answer(question)) };
}

serve({
  name: "ai-assistant",
  checks: { redis: cache.ping, chroma: chroma.ping },
  routes: [{ method: "POST", path: /^\/api\/assistant\/ask$/, run: ask }],
  stop: () => cache.close(),
});
