"use strict";
// The few things whose prices are known here, and documents about them.

const ITEMS = [
  { code: "01-01", name: "Digging by hand", unit: "m3", price: 1200 },
  { code: "06-01", name: "Concrete foundation", unit: "m3", price: 9800 },
  { code: "08-02", name: "Brick wall", unit: "m3", price: 7400 },
  { code: "12-01", name: "Roof of metal tiles", unit: "m2", price: 1900 },
  { code: "15-04", name: "Painting of walls", unit: "m2", price: 340 },
];

/** A document for each price. */
function documents(prices) {
  return prices.map(({ code, name, unit, price }) => ({ id: code, text: `${name} (${code}) costs ${price} per ${unit}.` }));
}

module.exports = { ITEMS, documents };
