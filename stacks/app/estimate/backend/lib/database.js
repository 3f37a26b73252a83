"use strict";
// PostgreSQL.

const { Pool } = require("pg");

const log = require("./log");
const { Gauge } = require("./metrics");
const settings = require("./settings");

const pool = new Pool({ connectionString: settings.databaseUrl, max: 5, connectionTimeoutMillis: 10000 });
// An idle connection that breaks is replaced; without a listener it would end the process.
pool.on("error", (error) => log.error("database connection lost", { reason: error.message }));

new Gauge("db_connections_open", "Open database connections of this process.", () => pool.totalCount);
new Gauge("db_connections_idle", "Those of them that nobody uses.", () => pool.idleCount);

/** Runs `work` with a connection, in a transaction. */
async function transaction(work) {
  const connection = await pool.connect();
  try {
    await connection.query("BEGIN");
    const result = await work(connection);
    await connection.query("COMMIT");
    return result;
  } catch (error) {
    await connection.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    connection.release();
  }
}

module.exports = {
  close: () => pool.end(),
  ping: () => pool.query("SELECT 1"),
  query: async (text, values) => (await pool.query(text, values)).rows,
  transaction,
};
