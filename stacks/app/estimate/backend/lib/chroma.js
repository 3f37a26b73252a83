"use strict";
// Chroma, the vector database: documents in one collection, found by their nearness to a text.

const settings = require("./settings");

const BASE = `${settings.chromaUrl.replace(/\/$/, "")}/api/v2`;
const COLLECTIONS = `${BASE}/tenants/default_tenant/databases/default_database/collections`;
const NAME = "knowledge";
const DIMENSIONS = 64;

async function call(url, content) {
  const headers = { "Content-Type": "application/json" };
  if (settings.chromaKey) headers["x-chroma-token"] = settings.chromaKey;
  const options = { headers, signal: AbortSignal.timeout(5000) };
  const answer = await fetch(url, content ? { ...options, method: "POST", body: JSON.stringify(content) } : options);
  if (!answer.ok) throw new Error(`Chroma: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer.json();
}

/** A vector for a text: how often its groups of three letters occur. No model is asked; alike texts are near all the same. */
function embed(text) {
  const vector = new Array(DIMENSIONS).fill(0);
  const letters = ` ${text.toLowerCase().replace(/\s+/g, " ")} `;
  for (let at = 0; at + 3 <= letters.length; at += 1) {
    const hash = [...letters.slice(at, at + 3)].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);
    vector[hash % DIMENSIONS] += 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

async function collection() {
  const { id } = await call(COLLECTIONS, { name: NAME, get_or_create: true });
  return `${COLLECTIONS}/${id}`;
}

/** Writes documents `{ id, text }`, over those of the same id. */
async function write(documents) {
  await call(`${await collection()}/upsert`, {
    ids: documents.map(({ id }) => id),
    documents: documents.map(({ text }) => text),
    embeddings: documents.map(({ text }) => embed(text)),
  });
}

/** The ids and texts of the documents that are nearest to a text. */
async function nearest(text, number) {
  const found = await call(`${await collection()}/query`, {
    query_embeddings: [embed(text)],
    n_results: number,
    include: ["documents"],
  });
  return found.ids[0].map((id, index) => ({ id, text: found.documents[0][index] }));
}

module.exports = { nearest, ping: () => call(`${BASE}/heartbeat`), write };
