// What the gateway refuses, and what is left of pages while there is no store. That goes last: it comes back, but slowly.

const { renameSync } = require("node:fs");
const { CONFIRM_LINK, mailed } = require("../api.js");
const { ACCOUNT, LOGIN, fillLogin, logIn, submit } = require("../steps.js");
const { world } = require("../visitor.js");

module.exports = async ({ enter, show }) => {
  const { hu } = world.users;
  const visitor = await enter();
  await show(visitor, "no route", 404, visitor.go("/nothing/here"));
  await show(visitor, "not to be understood", 400, visitor.go("/read/%zz"));
  await show(visitor, "address too long", 414, visitor.go(`/read/${"x".repeat(9000)}`));
  await show(visitor, "upstream down", 502, visitor.go("/gone/"));
  await show(visitor, "upstream slow", 504, visitor.go("/slow/"));
  await show(visitor, "not possible here", 405, post(visitor, "/read/", ""));
  await show(visitor, "too large", 413, post(visitor, "/gone/", "x".repeat(100_000)));
  await visitor.context.setExtraHTTPHeaders(Object.fromEntries([...Array(120).keys()].map((count) => [`x-${count}`, "x"])));
  await show(visitor, "too much", 431, visitor.go("/read/"));
  await visitor.context.setExtraHTTPHeaders({});
  await logIn(visitor, hu);
  await show(visitor, "not allowed", 403, visitor.go("/staff/"));
  await show(visitor, "not for browsers", 401, visitor.go("/shared/"));

  await visitor.go(ACCOUNT);
  await visitor.page.fill("#new-email", "hu-again@example.org");
  await submit(visitor, "form[action$=email] button");
  const [confirming, entering] = [await enter(), await enter()];
  await confirming.go(await mailed("hu-again@example.org", CONFIRM_LINK));
  await entering.go(LOGIN);
  const away = `${world.store}-away`;
  renameSync(world.store, away);
  try {
    await show(confirming, "confirm, no store", 503, submit(confirming, "main form button"));
    await show(entering, "login, no store", 503, fillLogin(entering, hu));
    await show(visitor, "form, no store", 503, submit(visitor, "form[action$=tokens] button", true));
    await show(visitor, "route, no store", 503, until(503, () => visitor.go("/app/")));
  } finally {
    renameSync(away, world.store);
  }
};

/// Posts a form from a page of ours to any path.
async function post(visitor, path, text) {
  await visitor.go(LOGIN);
  await visitor.page.locator("form").evaluate((form, [path, text]) => {
    form.action = path;
    form.elements.username.value = text;
  }, [path, text]);
  return submit(visitor, "form", true);
}

/// Does it again until that is the status: what is cached is good for a moment.
async function until(status, go) {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await go()) === status) return status;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return "never";
}
