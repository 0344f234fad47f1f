// What a test does beside the pages: `id_api` from a page of the gateway, and mails.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
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

/// What a pattern finds in the newest mail to an address, once each. Mails arrive within seconds.
async function mailed(email, pattern) {
  for (let tries = 0; tries < 150; tries += 1) {
    for (const mail of arrived().reverse()) {
      const [text] = (mail.to.includes(email) && mail.parts[0][1].match(pattern)) || [];
      if (!text || found.has(text)) continue;
      found.add(text);
      return text.trim();
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`no mail to ${email} has ${pattern}`);
}

/// Every mail that the mail server took, oldest first.
function arrived() {
  const lines = readFileSync(world.mails, "utf8").split("\n");
  return lines.slice(0, -1).filter((line) => line !== "ready").map((line) => JSON.parse(line));
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

/// The link that confirms an address.
const CONFIRM_LINK = /https?:\/\/\S*\/_countersign\/confirm\?token=[\w-]+/;

/// Adds the security key that is plugged in, by `id_api` and the browser's own reading of its options.
async function addKey(visitor, name, elevation) {
  const asked = await api(visitor, "POST", "/api/users/@me/factors/keys/options", {}, elevation);
  assert.equal(asked.status, 200);
  const credential = await visitor.page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return JSON.stringify((await navigator.credentials.create({ publicKey })).toJSON());
  }, asked.body);
  const added = await api(visitor, "POST", "/api/users/@me/factors/keys", { name, credential }, elevation);
  assert.equal(added.status, 201, JSON.stringify(added));
  return added.body.id;
}

/// Makes every link that was mailed too old: nobody waits for a week.
function expireLinks() {
  const sql = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('UPDATE link SET expires_at = 1'); db.commit()";
  execFileSync("python3", ["-c", sql, `${world.store}/countersign.db`]);
}

module.exports = { CODE, CONFIRM_LINK, addKey, api, arrived, elevate, expireLinks, mailed };
