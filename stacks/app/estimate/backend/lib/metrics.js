"use strict";
// Counters, gauges and histograms in Prometheus' text format.

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const all = [];

function quoted(value) {
  return `"${String(value).replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

function series(name, labels, value) {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}=${quoted(text)}`);
  return `${name}${pairs.length ? `{${pairs.join(",")}}` : ""} ${value}`;
}

class Metric {
  constructor(name, help, type) {
    Object.assign(this, { name, help, type, values: new Map() });
    all.push(this);
  }

  /** What is kept for these labels. */
  slot(labels, fresh) {
    const key = JSON.stringify(labels);
    if (!this.values.has(key)) this.values.set(key, { labels, ...fresh() });
    return this.values.get(key);
  }

  text() {
    const lines = [...this.values.values()].flatMap((slot) => this.lines(slot));
    return [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} ${this.type}`, ...lines].join("\n");
  }

  lines({ labels, value }) {
    return [series(this.name, labels, value)];
  }
}

class Counter extends Metric {
  constructor(name, help) {
    super(name, help, "counter");
  }

  add(labels = {}, amount = 1) {
    this.slot(labels, () => ({ value: 0 })).value += amount;
  }
}

class Gauge extends Metric {
  /** `read`, where given, says the value of a gauge without labels at each scrape. */
  constructor(name, help, read) {
    super(name, help, "gauge");
    this.read = read;
  }

  set(value, labels = {}) {
    this.slot(labels, () => ({ value: 0 })).value = value;
  }

  text() {
    if (this.read) this.set(this.read());
    return super.text();
  }
}

class Histogram extends Metric {
  constructor(name, help) {
    super(name, help, "histogram");
  }

  observe(seconds, labels = {}) {
    const slot = this.slot(labels, () => ({ counts: BUCKETS.map(() => 0), sum: 0, count: 0 }));
    BUCKETS.forEach((bound, index) => {
      if (seconds <= bound) slot.counts[index] += 1;
    });
    slot.sum += seconds;
    slot.count += 1;
  }

  lines({ labels, counts, sum, count }) {
    return [
      ...BUCKETS.map((bound, index) => series(`${this.name}_bucket`, { ...labels, le: bound }, counts[index])),
      series(`${this.name}_bucket`, { ...labels, le: "+Inf" }, count),
      series(`${this.name}_sum`, labels, sum),
      series(`${this.name}_count`, labels, count),
    ];
  }
}

new Gauge("process_resident_memory_bytes", "Memory of this process.", () => process.memoryUsage.rss());
const cpu = new Counter("process_cpu_seconds_total", "Processor time of this process.");

/** All metrics of the process. */
function exposition() {
  const { user, system } = process.cpuUsage();
  cpu.slot({}, () => ({ value: 0 })).value = (user + system) / 1e6;
  return `${all.map((metric) => metric.text()).join("\n")}\n`;
}

module.exports = { Counter, Gauge, Histogram, exposition };
