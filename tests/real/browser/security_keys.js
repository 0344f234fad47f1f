// Security keys, as Chromium's virtual authenticator plays them: added, shown at login, removed, cloned.
// usage: security_keys.js WORLD

const assert = require("node:assert/strict");
const { CODE, addKey, api, elevate, mailed } = require("./api.js");
const { Visitor, withChromium, world } = require("./visitor.js");

const ACCOUNT = "/_countersign/account";
const FACTOR = "/_countersign/login/factor";
const { user } = world;

/// A key that is plugged in until it is pulled out.
class Key {
  constructor(cdp, id) {
    this.cdp = cdp;
    this.id = id;
  }

  static async plugIn(cdp) {
    const options = { protocol: "ctap2", transport: "usb", automaticPresenceSimulation: true };
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
    return new Key(cdp, authenticatorId);
  }

  /// Pulls it out, and gives what is on it.
  async pullOut() {
    const { credentials } = await this.cdp.send("WebAuthn.getCredentials", { authenticatorId: this.id });
    await this.cdp.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: this.id });
    return credentials;
  }

  /// Plugs one in that has these credentials; with another count, if one is given.
  static async with(cdp, credentials, signCount) {
    const key = await Key.plugIn(cdp);
    for (const credential of credentials) {
      const copy = { ...credential, signCount: signCount ?? credential.signCount };
      await cdp.send("WebAuthn.addCredential", { authenticatorId: key.id, credential: copy });
    }
    return key;
  }
}

/// Adds the key that is plugged in on the account page, of somebody who has nothing but a mailed code to prove themselves.
async function addOnPage(visitor, name) {
  await visitor.go(ACCOUNT);
  assert.equal(await visitor.press("Set up: New security key"), 200);
  assert.equal(await visitor.heading(), "Is it you?");
  await visitor.fill({ Code: await mailed(user.email, CODE) });
  assert.equal(await visitor.press("Go on"), 200);
  assert.equal(await visitor.heading(), "New security key");
  await visitor.fill({ "Name of the key": name });
  assert.equal(await visitor.press("Add this key"), 200);
  assert.equal(visitor.path(), ACCOUNT);
  assert.match(await visitor.text(), new RegExp(name));
  await visitor.go("/app/");
}

/// Logs in up to the second step.
async function password(visitor) {
  await visitor.context.clearCookies();
  await visitor.go("/app/wanted");
  await visitor.logIn();
  assert.equal(visitor.path().split("?")[0], FACTOR);
}

/// Presses the button for a key, and gives the status of the page that comes.
async function useKey(visitor) {
  return visitor.press("Use a security key");
}

async function keys(browser) {
  const visitor = await Visitor.at(browser, { javaScriptEnabled: true });
  const cdp = await visitor.context.newCDPSession(visitor.page);
  await cdp.send("WebAuthn.enable");
  await visitor.go("/app/");
  await visitor.logIn();
  let key = await Key.plugIn(cdp);
  await addOnPage(visitor, "First");
  const elevation = await elevate(visitor, user);
  await assert.rejects(addKey(visitor, "First again", elevation), /InvalidStateError/, "a key is added once");
  const firstKey = await key.pullOut();
  key = await Key.plugIn(cdp);
  await visitor.go(ACCOUNT);
  assert.equal(await visitor.press("Set up: New security key"), 200);
  assert.equal(await visitor.heading(), "New security key", "proven a moment ago");
  await visitor.fill({ "Name of the key": "Zwei <b>" });
  assert.equal(await visitor.press("Add this key"), 200);
  assert.deepEqual(await names(visitor), ["First", "Zwei <b>"]);
  const { keys: listed } = (await fromApp(visitor, "GET", "/api/users/@me/factors")).body;
  const { id } = listed.find((one) => one.name === "Zwei <b>");
  const renamed = await fromApp(visitor, "PATCH", `/api/users/@me/factors/keys/${id}`, { name: "Second" }, elevation);
  assert.ok(renamed.status < 300, JSON.stringify(renamed));
  await visitor.go(ACCOUNT);
  assert.deepEqual(await names(visitor), ["First", "Second"]);
  const secondKey = await key.pullOut();
  assert.equal(firstKey.length + secondKey.length, 2);

  for (const credentials of [firstKey, secondKey]) {
    key = await Key.with(cdp, credentials);
    await password(visitor);
    assert.equal(await useKey(visitor), 200);
    assert.equal(visitor.path(), "/app/wanted", "logged in with either key");
    credentials.splice(0, 1, ...(await key.pullOut()));
  }

  // A copy of the second key that counts from before: refused, and the true one still goes.
  key = await Key.with(cdp, secondKey, 0);
  await password(visitor);
  assert.equal(await useKey(visitor), 401);
  assert.match(await visitor.notice(), /security key was not accepted/);
  await key.pullOut();
  key = await Key.with(cdp, secondKey);
  assert.equal(await useKey(visitor), 200, "the same page asks once more");

  // Either opens a page that asks for a recent proof.
  await visitor.context.clearCookies({ name: "countersign-elevation" });
  await visitor.go("/careful/wanted");
  assert.equal(await visitor.heading(), "Is it you?");
  assert.equal(await useKey(visitor), 200);
  assert.equal(visitor.path(), "/careful/wanted");
  await visitor.context.clearCookies({ name: "countersign-elevation" });
  await visitor.go("/app/");

  // The first is removed, and proves nothing any more.
  assert.ok(await elevateWithKey(visitor));
  await visitor.go(ACCOUNT);
  await visitor.press("Remove: First");
  assert.equal(await visitor.heading(), "Is it you?");
  assert.equal(await useKey(visitor), 200);
  assert.equal(visitor.path(), ACCOUNT);
  assert.doesNotMatch(await visitor.text(), /First/);
  assert.match(await visitor.text(), /Second/);
  await key.pullOut();
  key = await Key.with(cdp, firstKey);
  await password(visitor);
  await visitor.page.getByRole("button", { name: "Use a security key" }).click();
  await visitor.page.getByText("No security key answered").waitFor();
  assert.equal(visitor.path().split("?")[0], FACTOR, "still at the second step");
  await visitor.go("/app/wanted");
  assert.equal(await visitor.heading(), "Sign in", "nobody is logged in");
  await visitor.leave();
  await withoutScript(browser);
}

/// What the account page calls the keys.
async function names(visitor) {
  const cards = visitor.page.locator("section[aria-labelledby=factors] li", { hasText: /Security key/ });
  return cards.locator("strong").allInnerTexts();
}

/// Asks `id_api` from a page of the app: those of ours ask nobody.
async function fromApp(visitor, ...request) {
  await visitor.go("/app/");
  return api(visitor, ...request);
}

/// An elevated token for a signature.
async function elevateWithKey(visitor) {
  const asked = await api(visitor, "POST", "/api/eat/key-options");
  assert.equal(asked.status, 200);
  const credential = await visitor.page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
  }, asked.body);
  const verified = await api(visitor, "POST", "/api/eat/verify-key", { credential });
  assert.equal(verified.status, 200, JSON.stringify(verified));
  return verified.body.token;
}

/// Without JavaScript the page says what to do, and has no button that does nothing.
async function withoutScript(browser) {
  const visitor = await Visitor.at(browser);
  await visitor.go("/app/");
  await visitor.logIn();
  assert.match(await visitor.text(), /need JavaScript/);
  assert.equal(await visitor.page.getByRole("button", { name: "Use a security key" }).count(), 0);
  await visitor.leave();
}

withChromium(keys).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
