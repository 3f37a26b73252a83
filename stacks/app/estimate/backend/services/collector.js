"use strict";
// The data collector: brings prices and documents up to date, by its schedule and on demand.

const chroma = require("../lib/chroma");
const database = require("../lib/database");
const log = require("../lib/log");
const { Counter, Gauge } = require("../lib/metrics");
const schedule = require("../lib/schedule");
const { Refused, serve } = require("../lib/server");
const settings = require("../lib/settings");
const { ITEMS, documents } = require("../prisma/catalogue");

settings.secret("JWT_SECRET");

// Any number that nothing else in this database uses for pg_try_advisory_xact_lock.
const LOCK = 3003001;

const runs = new Counter("collections_total", "Runs of the collection.");
const last = new Gauge("collection_last_success_timestamp_seconds", "When the last good run ended.");

let isDue;
try {
  isDue = schedule.parse(settings.schedule);
} catch (error) {
  settings.refuse(`FSBTS_UPDATE_SCHEDULE is ${JSON.stringify(settings.schedule)}: ${error.message}`);
}

/** The prices of the source. There is none to ask: they follow from the number of runs, so that a change can be seen. */
function pricesOf(run) {
  return ITEMS.map((item) => ({ ...item, price: item.price + run }));
}

async function collect(trigger) {
  return database.transaction(async (connection) => {
    const { rows } = await connection.query("SELECT pg_try_advisory_xact_lock($1) AS mine", [LOCK]);
    if (!rows[0].mine) throw new Refused(409, "a collection is under way");
    const [{ number }] = (await connection.query("SELECT count(*)::int + 1 AS number FROM collections")).rows;
    const prices = pricesOf(number);
    for (const { code, name, unit, price } of prices) {
      await connection.query(
        `INSERT INTO prices (code, name, unit, price) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code) DO UPDATE SET name = $2, unit = $3, price = $4, updated_at = now()`,
        [code, name, unit, price],
      );
    }
    await chroma.write(documents(prices));
    const added = "INSERT INTO collections (trigger, prices) VALUES ($1, $2) RETURNING id, trigger, prices, finished_at";
    return (await connection.query(added, [trigger, prices.length])).rows[0];
  });
}

async function run(trigger) {
  try {
    const done = await collect(trigger);
    runs.add({ result: "success", trigger });
    last.set(Date.now() / 1000);
    log.info("collected", { trigger, prices: done.prices });
    return done;
  } catch (error) {
    runs.add({ result: "failure", trigger });
    log.error("not collected", { trigger, reason: error.message || error.code });
    throw error;
  }
}

const stopSchedule = schedule.every(isDue, () => run("schedule").catch(() => {}));

serve({
  name: "data-collector",
  checks: { database: database.ping, chroma: chroma.ping },
  routes: [
    { method: "POST", path: /^\/api\/collections$/, run: async () => ({ status: 201, content: await run("demand") }) },
    {
      method: "GET",
      path: /^\/api\/collections$/,
      run: async () => ({
        content: await database.query("SELECT id, trigger, prices, finished_at FROM collections ORDER BY id DESC LIMIT 100"),
      }),
    },
  ],
  stop: () => {
    stopSchedule();
    return database.close();
  },
});
