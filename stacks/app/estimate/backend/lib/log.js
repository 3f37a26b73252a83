"use strict";
// One line per event on standard output: JSON, or plain text with another LOG_FORMAT.

const settings = require("./settings");

const LEVELS = ["debug", "info", "warn", "error"];

function write(level, message, fields = {}) {
  if (LEVELS.indexOf(level) < LEVELS.indexOf(settings.logLevel)) return;
  const time = new Date().toISOString();
  const line =
    settings.logFormat === "json"
      ? JSON.stringify({ time, level, message, ...fields })
      : `${time} ${level.toUpperCase()} ${message} ${Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ")}`;
  process.stdout.write(`${line.trimEnd()}\n`);
}

module.exports = Object.fromEntries(LEVELS.map((level) => [level, (message, fields) => write(level, message, fields)]));
