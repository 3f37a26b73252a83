"use strict";
// Run with `node --test`: settings with which no service starts, and what it says then.

const assert = require("node:assert");
const { spawnSync } = require("node:child_process");
const path = require("node:path");
const { test } = require("node:test");

const CASES = [
  ["estimate", { NODE_ENV: "production" }, "JWT_SECRET is not set"],
  ["estimate", { PORT: "0" }, 'PORT is "0", and has to be a whole number above 0'],
  ["estimate", { STORAGE_TYPE: "s3" }, "STORAGE_TYPE can only be local here"],
  ["collector", { FSBTS_UPDATE_SCHEDULE: "daily" }, 'FSBTS_UPDATE_SCHEDULE is "daily": 1 fields instead of 5'],
];

for (const [service, settings, reason] of CASES) {
  test(`${service} with ${JSON.stringify(settings)}`, () => {
    const program = path.join(__dirname, "..", "services", `${service}.js`);
    const done = spawnSync(process.execPath, [program], { env: settings, encoding: "utf8", timeout: 20000 });
    assert.strictEqual(done.status, 1);
    assert.ok(done.stderr.startsWith(`estimate-service can't start: ${reason}`), done.stderr);
  });
}
