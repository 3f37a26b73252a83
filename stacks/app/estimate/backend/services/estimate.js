"use strict";
// The estimate service: tokens, prices, estimates and files that were uploaded.

const crypto = require("node:crypto");
const fs = require("node:fs/promises");
const path = require("node:path");

const cache = require("../lib/cache");
const database = require("../lib/database");
const { Refused, body, json, serve, text } = require("../lib/server");
const settings = require("../lib/settings");
const tokens = require("../lib/tokens");

settings.secret("JWT_SECRET");

const ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";
// Seconds that Redis keeps an estimate.
const KEPT = 60;

async function login({ request }) {
  const { user } = await json(request);
  return { status: 201, content: tokens.issue(text(user, "user")) };
}

async function refresh({ request }) {
  const { refreshToken } = await json(request);
  const user = tokens.refreshUser(text(refreshToken, "refreshToken"));
  if (!user) throw new Refused(401, "not a good refresh token");
  return { status: 201, content: tokens.issue(user) };
}

function item({ code, quantity } = {}) {
  if (typeof quantity !== "number" || !(quantity > 0)) throw new Refused(422, "quantity has to be a number above 0");
  return { code: text(code, "code"), quantity };
}

async function create({ request, user }) {
  const { name, items } = await json(request);
  if (!Array.isArray(items) || items.length === 0 || items.length > 1000) throw new Refused(422, "items: 1 to 1000 are wanted");
  const wanted = items.map(item);
  const id = crypto.randomUUID();
  await database.transaction(async (connection) => {
    await connection.query("INSERT INTO estimates (id, owner, name) VALUES ($1, $2, $3)", [id, user, text(name, "name")]);
    for (const { code, quantity } of wanted) {
      const added = await connection.query(
        "INSERT INTO estimate_items (estimate_id, code, quantity, price) SELECT $1, code, $3, price FROM prices WHERE code = $2",
        [id, code, quantity],
      );
      if (added.rowCount === 0) throw new Refused(422, `there is no price for ${code}`);
    }
  });
  return { status: 201, content: await read(id, user) };
}

async function read(id, user) {
  const [estimate] = await database.query("SELECT id, name, created_at FROM estimates WHERE id = $1 AND owner = $2", [id, user]);
  if (!estimate) return null;
  const items = await database.query(
    "SELECT code, quantity::float8, price::float8, (quantity * price)::float8 AS cost FROM estimate_items WHERE estimate_id = $1 ORDER BY code",
    [id],
  );
  return { ...estimate, items, total: items.reduce((sum, { cost }) => sum + cost, 0) };
}

async function show({ user, params: [id] }) {
  const found = await cache.remember(`estimate:${user}:${id}`, KEPT, () => read(id, user));
  if (!found) throw new Refused(404, `no estimate ${id}`);
  return { content: found };
}

async function list({ user }) {
  const wanted = "SELECT id, name, created_at FROM estimates WHERE owner = $1 ORDER BY created_at DESC LIMIT 100";
  return { content: await database.query(wanted, [user]) };
}

async function prices() {
  return { content: await database.query("SELECT code, name, unit, price::float8, updated_at FROM prices ORDER BY code") };
}

async function upload({ request, params: [name] }) {
  const content = await body(request, settings.uploads.maxSize);
  const file = path.join(settings.uploads.folder, name);
  const partial = `${file}.${crypto.randomUUID()}.partial`;
  await fs.mkdir(settings.uploads.folder, { recursive: true });
  await fs.writeFile(partial, content);
  await fs.rename(partial, file);
  return { status: 201, content: { name, size: content.length } };
}

async function download({ params: [name] }) {
  try {
    return { content: await fs.readFile(path.join(settings.uploads.folder, name)) };
  } catch (error) {
    if (error.code === "ENOENT") throw new Refused(404, `no file ${name}`);
    throw error;
  }
}

const file = /^\/api\/uploads\/([A-Za-z0-9_-]{1,80}\.[a-z0-9]{1,5})$/;

serve({
  name: "estimate-service",
  checks: { database: database.ping, redis: cache.ping },
  routes: [
    { method: "POST", path: /^\/api\/auth\/login$/, open: true, run: login },
    { method: "POST", path: /^\/api\/auth\/refresh$/, open: true, run: refresh },
    { method: "GET", path: /^\/api\/prices$/, run: prices },
    { method: "POST", path: /^\/api\/estimates$/, run: create },
    { method: "GET", path: /^\/api\/estimates$/, run: list },
    { method: "GET", path: new RegExp(`^/api/estimates/${ID}$`), run: show },
    { method: "PUT", path: file, run: upload },
    { method: "GET", path: file, run: download },
  ],
  stop: () => Promise.all([cache.close(), database.close()]),
});
