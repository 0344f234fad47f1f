// Every page of ours, in a language and a colour scheme, on a phone and on a wide screen: axe-core finds nothing, nothing
// is cut off or scrolls sideways, and nothing is loaded from elsewhere.
// usage: look.js WORLD LANGUAGE light|dark

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { mkdirSync } = require("node:fs");
const axe = require("axe-core");
const { CODE, mailed } = require("./api.js");
const { Visitor, withChromium, world } = require("./visitor.js");

const ACCOUNT = "/_countersign/account";
const LOGIN = "/_countersign/login";
let recoveryCodes = [];

/// Each page by its name, and how to come to it. `status` is what it is sent with, if not 200.
const pages = {
  login: async (visitor) => visitor.go(LOGIN),
  "login for an application": async (visitor) => visitor.go(`/login?redirect_url=${encodeURIComponent(world.callback)}`),
  "login refused": async (visitor) => {
    await visitor.go(LOGIN);
    await visitor.page.fill("#username", "nobody@example.org");
    await visitor.page.fill("#password", "nothing");
    return submit(visitor, "form");
  },
  "login, sent twice": async (visitor) => {
    await visitor.go("/app/");
    return visitor.go("/app/");
  },
  unregistered: async (visitor) => visitor.go("/login?redirect_url=https%3A%2F%2Fevil.example"),
  "confirm, stale": async (visitor) => visitor.go("/_countersign/confirm?token=x"),
  confirm: async (visitor) => visitor.go(`/_countersign/confirm?token=${new URL(world.invitation).searchParams.get("token")}`),
  invitation: async (visitor) => visitor.go(world.invitation),
  "invitation, damaged": async (visitor) => visitor.go("/_countersign/invitation?token=x"),
  "no route": async (visitor) => visitor.go("/nothing/here"),
  "upstream down": async (visitor) => visitor.go("/gone/"),
  consent: async (visitor) => {
    await logIn(visitor);
    return visitor.go(`/login?redirect_url=${encodeURIComponent(world.callback)}`);
  },
  declined: async (visitor) => submit(visitor, "form button[value=no]"),
  "not allowed": async (visitor) => visitor.go("/staff/"),
  "not proven again": async (visitor) => visitor.go("/careful/"),
  "token made": async (visitor) => {
    await visitor.go(ACCOUNT);
    await visitor.page.fill("#label", "a token with a name that is rather long, as people give them");
    return submit(visitor, "form[action$=tokens] button");
  },
  account: async (visitor) => visitor.go(ACCOUNT),
  "account, a mistake": async (visitor) => {
    for (const id of ["current", "new", "repeated"]) await visitor.page.fill(`#${id}`, id);
    return submit(visitor, "form[action$=password] button");
  },
  "not from here": async (visitor) => {
    await visitor.go(ACCOUNT);
    await visitor.page.evaluate(() => document.querySelectorAll("[name=token]").forEach((field) => (field.value = "x")));
    return submit(visitor, "form[action$=logout] button");
  },
  "prove yourself": async (visitor) => {
    await visitor.go(ACCOUNT);
    return change(visitor, "totp");
  },
  "prove yourself, wrong code": async (visitor) => typeCode(visitor, "ABCD-EFGH"),
  "set up an app": async (visitor) => typeCode(visitor, await mailed(world.user.email, CODE)),
  "set up an app, wrong code": async (visitor) => typeCode(visitor, "000000"),
  "account, with an app": async (visitor) => {
    const secret = await visitor.page.locator("code").innerText();
    return typeCode(visitor, codeOfApp(secret));
  },
  "recovery codes": async (visitor) => {
    const status = await change(visitor, "recovery-codes");
    recoveryCodes = await visitor.page.locator("code").allInnerTexts();
    return status;
  },
  "second step": logIn,
  "second step, wrong code": async (visitor) => typeCode(visitor, "000000"),
  "prove yourself with what you have": async (visitor) => {
    await typeCode(visitor, recoveryCodes[0]);
    return change(visitor, "remove-totp");
  },
  "account, without factors again": async (visitor) => typeCode(visitor, recoveryCodes[1]),
  "new key": async (visitor) => change(visitor, "add-key"),
  "new key, refused": async (visitor) => {
    await visitor.page.locator("[data-answer]").evaluate((field) => (field.value = "{}"));
    await visitor.page.fill("#name", "Blue");
    return submit(visitor, "main form button", true);
  },
  "account, with a key": async (visitor) => {
    await visitor.page.fill("#name", "a key with a name that is rather long, as people give them");
    return submit(visitor, "main form button");
  },
  "second step with a key": logIn,
  "prove yourself with a key": async (visitor) => {
    await submit(visitor, "form[data-key] button");
    return change(visitor, "remove-key");
  },
  "account, without a key again": async (visitor) => submit(visitor, "form[data-key] button"),
  logout: async (visitor) => visitor.go("/_countersign/logout"),
};

/// The status of each page that is not 200.
const statuses = {
  "login refused": 401,
  unregistered: 400,
  "confirm, stale": 410,
  "invitation, damaged": 400,
  "no route": 404,
  "upstream down": 502,
  declined: 403,
  "not allowed": 403,
  "account, a mistake": 422,
  "not from here": 403,
  "prove yourself, wrong code": 401,
  "set up an app, wrong code": 401,
  "second step, wrong code": 401,
  "new key, refused": 422,
};

async function logIn(visitor) {
  await visitor.go(LOGIN);
  await visitor.page.fill("#username", world.user.email);
  await visitor.page.fill("#password", world.user.password);
  return submit(visitor, "form");
}

/// Presses a button of the account page's section on second factors.
async function change(visitor, wanted) {
  return submit(visitor, `form:has([name=change][value=${wanted}]) button`);
}

async function typeCode(visitor, code) {
  await visitor.page.fill("#code", code);
  return submit(visitor, "form:has(#code) button");
}

/// What an app with this secret shows now.
function codeOfApp(secret) {
  return execFileSync("oathtool", ["--totp", "--base32", secret.replaceAll(" ", "")], { encoding: "utf8" }).trim();
}

/// Presses the first button there, and gives the status of the page that comes; `silently` past any script.
async function submit(visitor, where, silently = false) {
  const button = visitor.page.locator(where).first();
  const press = (element, silently) => {
    const form = element.form ?? element;
    return silently ? form.submit() : form.requestSubmit(element.form ? element : null);
  };
  const [answer] = await Promise.all([visitor.page.waitForNavigation(), button.evaluate(press, silently)]);
  return answer.status();
}

/// What is wrong with the page that is shown.
async function faultsOf(page, language) {
  const faults = [];
  await page.evaluate(axe.source);
  const { violations, incomplete } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations", "incomplete"] }));
  for (const { id, nodes } of [...violations, ...incomplete]) {
    faults.push(...nodes.map((node) => `axe ${id}: ${node.html} ${node.failureSummary}`));
  }
  if ((await page.locator("html").getAttribute("lang")) !== language) faults.push("another language");
  if ((await page.locator("h1").count()) !== 1) faults.push("not one heading");
  if ((await page.locator("main").count()) !== 1) faults.push("no main part");
  if ((await page.locator("link[rel=stylesheet]").count()) !== 1) faults.push("no stylesheet");
  return faults;
}

/// How far the page is wider than the window, and what is.
async function overflowOf(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 1);
    return document.documentElement.scrollWidth > width ? [`${document.documentElement.scrollWidth} wide`] : wide.map((it) => `cut off: ${it.outerHTML}`);
  });
}

async function look(browser) {
  const pictures = process.env.BROWSER_SCREENSHOTS;
  if (pictures) mkdirSync(pictures, { recursive: true });
  const faults = [];
  const [locale, colorScheme] = process.argv.slice(3);
  const visitor = await Visitor.at(browser, { locale, colorScheme, javaScriptEnabled: true });
  const cdp = await visitor.context.newCDPSession(visitor.page);
  await cdp.send("WebAuthn.enable");
  const key = { protocol: "ctap2", transport: "usb", automaticPresenceSimulation: true };
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: key });
  for (const [name, open] of Object.entries(pages)) {
    const where = `${name}, ${locale}, ${colorScheme}`;
    const status = await open(visitor);
    if (status !== (statuses[name] ?? 200)) faults.push(`${where}: ${status}`);
    for (const width of [1280, 360]) {
      await visitor.page.setViewportSize({ width, height: 740 });
      const found = [...(await faultsOf(visitor.page, locale)), ...(await overflowOf(visitor.page))];
      faults.push(...found.map((fault) => `${where}, ${width}: ${fault}`));
      if (pictures) await visitor.page.screenshot({ path: `${pictures}/${where}, ${width}.png`, fullPage: true });
    }
  }
  await visitor.leave();
  assert.deepEqual(faults, []);
}

withChromium(look).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
