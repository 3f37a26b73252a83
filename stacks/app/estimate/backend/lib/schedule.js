"use strict";
// A schedule of five fields as cron has it: minute, hour, day of the month, month, day of the week; in UTC.

const FIELDS = [
  { name: "minute", from: 0, to: 59, of: (date) => date.getUTCMinutes() },
  { name: "hour", from: 0, to: 23, of: (date) => date.getUTCHours() },
  { name: "day of the month", from: 1, to: 31, of: (date) => date.getUTCDate() },
  { name: "month", from: 1, to: 12, of: (date) => date.getUTCMonth() + 1 },
  { name: "day of the week", from: 0, to: 7, of: (date) => date.getUTCDay() },
];
const PART = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/;

function values(text, { name, from, to }) {
  const found = new Set();
  for (const part of text.split(",")) {
    const match = PART.exec(part);
    if (!match) throw new Error(`the ${name} is ${JSON.stringify(part)}`);
    const step = Number(match[3] || 1);
    const first = match[1] === undefined ? from : Number(match[1]);
    const last = match[2] !== undefined ? Number(match[2]) : match[1] === undefined || match[3] ? to : first;
    if (first < from || last > to || first > last || step === 0) throw new Error(`the ${name} ${part} is not between ${from} and ${to}`);
    for (let value = first; value <= last; value += step) found.add(value);
  }
  return found;
}

/** Reads a schedule; gives a function that says whether a minute is due. Throws where the text is none. */
function parse(text) {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) throw new Error(`${parts.length} fields instead of ${FIELDS.length}`);
  const sets = parts.map((part, index) => values(part, FIELDS[index]));
  // Sunday is 0 and 7.
  if (sets[4].has(7)) sets[4].add(0);
  const fits = (index, date) => sets[index].has(FIELDS[index].of(date));
  // As in cron: where both days are given, either will do.
  const either = !parts[2].startsWith("*") && !parts[4].startsWith("*");
  return (date) =>
    fits(0, date) && fits(1, date) && fits(3, date) && (either ? fits(2, date) || fits(4, date) : fits(2, date) && fits(4, date));
}

/** Calls `work` at each minute that is due; gives a function that ends it. */
function every(isDue, work) {
  let timer;
  const wait = () => {
    timer = setTimeout(() => {
      if (isDue(new Date())) work();
      wait();
    }, 60000 - (Date.now() % 60000));
  };
  wait();
  return () => clearTimeout(timer);
}

module.exports = { every, parse };
