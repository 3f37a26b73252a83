"use strict";
// Redis: values that are kept for a while, and the counts of the rate limit.

const { createClient } = require("redis");

const log = require("./log");
const { Counter } = require("./metrics");
const settings = require("./settings");

const lookups = new Counter("cache_requests_total", "Values looked up in Redis.");

// Without the queue, a command fails at once while Redis is away, and readiness says so.
const client = createClient({ url: settings.redisUrl, disableOfflineQueue: true, socket: { connectTimeout: 2000 } });
client.on("error", (error) => log.error("Redis", { reason: error.message || error.code }));
client.connect().catch((error) => log.error("Redis", { reason: error.message || error.code }));

/** The value of a key, from Redis or else from `make`, which Redis then keeps. A Redis that is away is no reason to fail. */
async function remember(key, seconds, make) {
  try {
    const kept = await client.get(key);
    lookups.add({ result: kept === null ? "miss" : "hit" });
    if (kept !== null) return JSON.parse(kept);
    const value = await make();
    if (value !== null) await client.set(key, JSON.stringify(value), { EX: seconds });
    return value;
  } catch (error) {
    if (client.isReady) throw error;
    return make();
  }
}

/** How many calls a client has made in the present window, this one included. */
async function count(key, milliseconds) {
  const number = await client.incr(key);
  if (number === 1) await client.pExpire(key, milliseconds);
  return number;
}

module.exports = {
  close: () => (client.isOpen ? client.disconnect() : undefined),
  count,
  ping: () => client.ping(),
  remember,
};
