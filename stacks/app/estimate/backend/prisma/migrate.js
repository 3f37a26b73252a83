"use strict";
// `npm run prisma:migrate`: applies the migrations that the database does not have yet. Ours, with the name that the guide uses;
// Prisma itself, whose engines are downloaded while it is installed, is not here.

const fs = require("node:fs");
const path = require("node:path");

const database = require("../lib/database");
const log = require("../lib/log");

const FOLDER = path.join(__dirname, "migrations");
// Any number that nothing else in this database uses for pg_advisory_xact_lock.
const LOCK = 3003002;

/** Applies what is missing, in one transaction and one process at a time; gives the names of what was applied. */
function migrate() {
  return database.transaction(async (connection) => {
    await connection.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await connection.query(
      "CREATE TABLE IF NOT EXISTS _migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
    );
    const there = new Set((await connection.query("SELECT name FROM _migrations")).rows.map(({ name }) => name));
    const missing = fs.readdirSync(FOLDER).sort().filter((name) => !there.has(name));
    for (const name of missing) {
      await connection.query(fs.readFileSync(path.join(FOLDER, name, "migration.sql"), "utf8"));
      await connection.query("INSERT INTO _migrations (name) VALUES ($1)", [name]);
    }
    return missing;
  });
}

migrate()
  .then((applied) => log.info("migrated", { applied: applied.join(", ") || "nothing was missing" }))
  .catch((error) => {
    log.error("not migrated", { reason: error.message || error.code });
    process.exitCode = 1;
  })
  .finally(database.close);
