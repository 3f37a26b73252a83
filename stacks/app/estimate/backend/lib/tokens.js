"use strict";
// Access and refresh tokens: JSON Web Tokens signed by HS256. A new secret ends every token at once.

const crypto = require("node:crypto");

const settings = require("./settings");

function sign(signed, key) {
  return crypto.createHmac("sha256", key).update(signed).digest("base64url");
}

function make(user, seconds, key) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${sign(signed, key)}`;
}

function read(token, key) {
  const [head = "", claims = "", signature = ""] = token.split(".");
  const wanted = Buffer.from(sign(`${head}.${claims}`, key));
  const given = Buffer.from(signature);
  if (wanted.length !== given.length || !crypto.timingSafeEqual(wanted, given)) return null;
  // Signed here, so its form is known.
  const { sub, exp } = JSON.parse(Buffer.from(claims, "base64url"));
  return exp * 1000 > Date.now() ? sub : null;
}

/** The tokens of a user. Without JWT_REFRESH_SECRET there is no refresh token. */
function issue(user) {
  const access = make(user, settings.tokens.seconds, settings.secret("JWT_SECRET"));
  const key = process.env.JWT_REFRESH_SECRET;
  return { accessToken: access, refreshToken: key ? make(user, settings.tokens.refreshSeconds, key) : null };
}

/** The user that an access token names, or null. */
function user(token) {
  return read(token, settings.secret("JWT_SECRET"));
}

/** The user that a refresh token names, or null. */
function refreshUser(token) {
  const key = process.env.JWT_REFRESH_SECRET;
  return key ? read(token, key) : null;
}

module.exports = { issue, refreshUser, user };
