// What a test does beside the pages: `id_api` from a page of the gateway, and mails.

const assert = require("node:assert/strict");
const { readFileSync, readdirSync, statSync } = require("node:fs");
const { world } = require("./visitor.js");

/// Asks `id_api` from the page that is shown, as a script of an application would.
async function api(visitor, method, path, body, elevation) {
  const ask = async ([method, path, body, elevation]) => {
    const headers = { "Content-Type": "application/json" };
    if (elevation) headers["Elevated-Access-Token"] = elevation;
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
  };
  return visitor.page.evaluate(ask, [method, path, body, elevation]);
}

/// What was found in mails before.
const found = new Set();

/// What a pattern finds in the newest mail to an address, once each. Mails are written within seconds.
async function mailed(email, pattern) {
  for (let tries = 0; tries < 150; tries += 1) {
    const whole = readdirSync(world.mail).filter((file) => file.endsWith(".eml"));
    const files = whole.map((file) => `${world.mail}/${file}`);
    const newest = files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    for (const file of newest) {
      const mail = readFileSync(file, "utf8").replace(/=\r?\n/g, "").replace(/=3D/g, "=");
      const [text] = (mail.includes(email) && mail.match(pattern)) || [];
      if (!text || found.has(text)) continue;
      found.add(text);
      return text.trim();
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`no mail to ${email} has ${pattern}`);
}

/// A verification code, alone on its line.
const CODE = /^[0-9A-Z]{4}-[0-9A-Z]{4}\r?$/m;

/// An elevated token for a mailed code.
async function elevate(visitor, { email }) {
  assert.equal((await api(visitor, "POST", "/api/eat/request-verification")).status, 202);
  const verified = await api(visitor, "POST", "/api/eat/verify-code", { code: await mailed(email, CODE) });
  assert.equal(verified.status, 200);
  return verified.body.token;
}

module.exports = { CODE, api, elevate, mailed };
