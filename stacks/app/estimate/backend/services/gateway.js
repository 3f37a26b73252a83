"use strict";
// The API gateway: limits how often a client may call, answers browsers about origins, and hands requests on.

const http = require("node:http");

const cache = require("../lib/cache");
const log = require("../lib/log");
const { Counter } = require("../lib/metrics");
const { Refused, serve } = require("../lib/server");
const settings = require("../lib/settings");

// Milliseconds that a service may be silent.
const TIMEOUT = 30000;
// What is about one connection, and not handed on.
const OF_CONNECTION = ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"];

const limited = new Counter("gateway_limited_total", "Requests refused since their client made too many.");

/** Refuses a client that calls too often. While Redis is away nobody is refused, and readiness fails. */
async function limit(request) {
  // nginx before this says who its client is.
  const client = request.headers["x-real-ip"] || request.socket.remoteAddress;
  let number = 0;
  try {
    number = await cache.count(`rate:${client}`, settings.rateLimit.ttl);
  } catch (error) {
    log.error("calls not counted", { reason: error.message || error.code });
  }
  if (number > settings.rateLimit.limit) {
    limited.add();
    throw new Refused(429, `more than ${settings.rateLimit.limit} requests in ${settings.rateLimit.ttl} ms`);
  }
}

/** Lets browsers of CORS_ORIGIN call; true where that was all that was asked. */
function allowOrigin(request, response) {
  if (!settings.corsOrigin || request.headers.origin !== settings.corsOrigin) return false;
  response.setHeader("Access-Control-Allow-Origin", settings.corsOrigin);
  response.setHeader("Vary", "Origin");
  if (request.method !== "OPTIONS") return false;
  response.setHeader("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
  response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type");
  response.writeHead(204).end();
  return true;
}

function handedOn(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_CONNECTION.includes(name)));
}

/** Sends a request to a service and its answer back, piece by piece. */
function handOn(base, request, response) {
  return new Promise((resolve, reject) => {
    const url = new URL(request.url, base);
    const headers = { ...handedOn(request.headers), host: url.host };
    const call = http.request(url, { method: request.method, headers, timeout: TIMEOUT }, (answer) => {
      response.writeHead(answer.statusCode, handedOn(answer.headers));
      answer.pipe(response);
      answer.on("end", resolve);
      answer.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${TIMEOUT} ms`)));
    call.on("error", (error) => {
      log.error("service does not answer", { service: base, reason: error.message || error.code });
      reject(new Refused(502, "the service behind the gateway does not answer"));
    });
    response.on("close", () => call.destroy());
    request.pipe(call);
  });
}

/** A route for the paths below `/api/NAME`. */
function route(names, base) {
  return {
    method: "*",
    path: new RegExp(`^/api/(?:${names.join("|")})(?:/|$)`),
    // The service behind looks at the token.
    open: true,
    run: async ({ request, response }) => {
      if (allowOrigin(request, response)) return;
      await limit(request);
      await handOn(base, request, response);
    },
  };
}

serve({
  name: "api-gateway",
  checks: { redis: cache.ping },
  routes: [
    route(["auth", "estimates", "prices", "uploads"], settings.upstreams.estimate),
    route(["assistant"], settings.upstreams.assistant),
    route(["collections"], settings.upstreams.collector),
  ],
  stop: () => cache.close(),
});
