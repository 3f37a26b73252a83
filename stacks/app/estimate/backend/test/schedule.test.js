"use strict";
// Run with `node --test`.

const assert = require("node:assert");
const { test } = require("node:test");

const { parse } = require("../lib/schedule");

const CASES = [
  // A Friday.
  ["0 2 * * *", "2026-07-03T02:00:00Z", true],
  ["0 2 * * *", "2026-07-03T02:01:00Z", false],
  ["0 2 * * *", "2026-07-03T03:00:00Z", false],
  ["*/15 * * * *", "2026-07-03T02:45:00Z", true],
  ["*/15 * * * *", "2026-07-03T02:46:00Z", false],
  ["5/20 * * * *", "2026-07-03T02:25:00Z", true],
  ["5/20 * * * *", "2026-07-03T02:20:00Z", false],
  ["0 8-17 * * 1-5", "2026-07-03T17:00:00Z", true],
  ["0 8-17 * * 1-5", "2026-07-04T17:00:00Z", false],
  ["0 0 1,15 * *", "2026-07-15T00:00:00Z", true],
  ["0 0 * 7 *", "2026-07-15T00:00:00Z", true],
  ["0 0 * 8 *", "2026-07-15T00:00:00Z", false],
  // Sunday by both its numbers.
  ["0 0 * * 0", "2026-07-05T00:00:00Z", true],
  ["0 0 * * 7", "2026-07-05T00:00:00Z", true],
  // Either day will do where both are given, both where one is a star.
  ["0 0 1 * 5", "2026-07-03T00:00:00Z", true],
  ["0 0 1 * 5", "2026-07-01T00:00:00Z", true],
  ["0 0 1 * 5", "2026-07-02T00:00:00Z", false],
];

for (const [text, moment, wanted] of CASES) {
  test(`${text} at ${moment}`, () => assert.strictEqual(parse(text)(new Date(moment)), wanted));
}

const REFUSED = ["", "0 2 * *", "0 2 * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "1.5 * * * *"];

for (const text of REFUSED) {
  test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parse(text)));
}
