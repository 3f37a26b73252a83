"use strict";
// `npm run prisma:seed`: the first prices. Those that are there stay as they are, so it may be run again.

const database = require("../lib/database");
const log = require("../lib/log");
const { ITEMS } = require("./catalogue");

async function seed() {
  let added = 0;
  for (const { code, name, unit, price } of ITEMS) {
    const insert = "INSERT INTO prices (code, name, unit, price) VALUES ($1, $2, $3, $4) ON CONFLICT (code) DO NOTHING RETURNING code";
    added += (await database.query(insert, [code, name, unit, price])).length;
  }
  return added;
}

seed()
  .then((added) => log.info("seeded", { added, known: ITEMS.length }))
  .catch((error) => {
    log.error("not seeded", { reason: error.message || error.code });
    process.exitCode = 1;
  })
  .finally(database.close);
