"use strict";
// What every service is: an HTTP server with routes, health, readiness and metrics, which ends in order.

const http = require("node:http");

const log = require("./log");
const { Counter, Histogram, exposition } = require("./metrics");
const settings = require("./settings");
const tokens = require("./tokens");

const MAX_JSON = 1024 * 1024;
// Milliseconds that one check of readiness may take.
const CHECK_TIMEOUT = 2000;

const requests = new Counter("http_requests_total", "HTTP requests served.");
const durations = new Histogram("http_request_duration_seconds", "Time to answer an HTTP request.");

/** An answer other than success: a status and a reason. */
class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The body of a request, up to a size. */
async function body(request, limit) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > limit) throw new Refused(413, `more than ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The body of a request as a JSON object. */
async function json(request) {
  let value;
  try {
    value = JSON.parse(await body(request, MAX_JSON));
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused(400, "the body is not JSON");
  }
  if (value === null || typeof value !== "object") throw new Refused(400, "the body is not a JSON object");
  return value;
}

/** Fails unless a value is text of a sensible length. */
function text(value, name) {
  if (typeof value !== "string" || value.length === 0 || value.length > 2000) {
    throw new Refused(422, `${name} has to be a text of 1 to 2000 characters`);
  }
  return value;
}

function send(response, status, content) {
  const isFile = Buffer.isBuffer(content);
  const sent = isFile ? content : Buffer.from(JSON.stringify(content));
  const type = isFile ? "application/octet-stream" : "application/json";
  response.writeHead(status, { "Content-Type": type, "Content-Length": sent.length }).end(sent);
}

async function check(name, ask) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT} ms`)), CHECK_TIMEOUT);
  });
  try {
    await Promise.race([ask(), late]);
    return "ok";
  } catch (error) {
    const reason = error.message || error.code || "failed";
    log.error("check failed", { part: name, reason });
    return reason;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether this version may say that it is well. */
function version() {
  if (settings.version === "broken") throw new Error("this version is broken on purpose");
}

function standardRoutes(checks) {
  const report = async (parts) => {
    const names = Object.keys(parts);
    const found = await Promise.all(names.map((name) => check(name, async () => parts[name]())));
    const healthy = found.every((result) => result === "ok");
    return {
      status: healthy ? 200 : 503,
      content: {
        status: healthy ? "ok" : "error",
        version: settings.version,
        checks: Object.fromEntries(names.map((name, index) => [name, found[index]])),
      },
    };
  };
  return [
    { method: "GET", path: /^\/health$/, open: true, run: () => report({ version }) },
    { method: "GET", path: /^\/health\/ready$/, open: true, run: () => report({ version, ...checks }) },
  ];
}

/** The user of a route; open routes have none. */
function authenticate(route, request) {
  if (route.open) return null;
  const user = tokens.user((request.headers.authorization || "").replace(/^Bearer /, ""));
  if (!user) throw new Refused(401, "no token, or not a good one: POST /api/auth/login");
  return user;
}

async function answer(routes, request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/metrics" && settings.metrics) {
    response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4" }).end(exposition());
    return "/metrics";
  }
  const fitting = routes.filter((route) => route.path.test(pathname));
  const route = fitting.find(({ method }) => method === request.method || method === "*");
  if (!route) {
    send(response, fitting.length ? 405 : 404, { error: `no ${request.method} ${pathname}` });
    return "other";
  }
  try {
    const user = authenticate(route, request);
    const found = await route.run({ request, response, user, params: pathname.match(route.path).slice(1) });
    // A route that answers by itself gives nothing back.
    if (found) send(response, found.status || 200, found.content);
  } catch (error) {
    const status = error instanceof Refused ? error.status : 503;
    if (status === 503) log.error("request failed", { path: pathname, reason: error.message || error.code });
    if (!response.headersSent) {
      send(response, status, { error: status === 503 ? "something this needs is unavailable" : error.message });
    } else {
      response.destroy();
    }
  }
  return route.path.source.replace(/[\\^$]/g, "");
}

/**
 * Serves until SIGTERM or SIGINT.
 * routes: `{ method, path, open, run({ request, response, user, params }) -> { status, content } }`; `checks`: what has to
 * work for readiness; `stop`: what is to be closed at the end.
 */
function serve({ name, routes, checks, stop }) {
  const every = [...standardRoutes(checks), ...routes];
  const server = http.createServer(async (request, response) => {
    const started = process.hrtime.bigint();
    const path = await answer(every, request, response);
    requests.add({ method: request.method, path, status: response.statusCode });
    durations.observe(Number(process.hrtime.bigint() - started) / 1e9, { method: request.method, path });
  });
  server.listen(settings.port, () => log.info("started", { service: name, version: settings.version, port: settings.port }));
  const end = (signal) => {
    log.info("stopping", { service: name, signal });
    server.close(async () => {
      await stop();
      process.exit(0);
    });
    server.closeIdleConnections();
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, end);
}

module.exports = { Refused, body, json, serve, text };
