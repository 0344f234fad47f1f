// Logging in and out, and sharing oneself with an application.

const { ACCOUNT, LOGIN, logIn, submit } = require("../steps.js");
const { world } = require("../visitor.js");

module.exports = async ({ enter, show }) => {
  const { mo, xi } = world.users;
  const visitor = await enter();
  const application = `/login?redirect_url=${encodeURIComponent(world.callback)}`;
  await show(visitor, "login", 200, visitor.go(LOGIN));
  await show(visitor, "login for an application", 200, visitor.go(application));
  await show(visitor, "login refused", 401, logIn(visitor, { ...mo, password: "wrong" }));
  await visitor.go("/app/");
  await show(visitor, "login, sent twice", 200, visitor.go("/app/"));
  await show(visitor, "login, took too long", 200, visitor.go(`${LOGIN}/factor`));
  await visitor.page.locator("#username").evaluate((field) => field.removeAttribute("name"));
  await show(visitor, "a form that cannot be read", 400, submit(visitor, "form", true));
  await visitor.go(LOGIN);
  await visitor.page.fill("#username", "x".repeat(20_000));
  await show(visitor, "a form that is too large", 413, submit(visitor, "form", true));
  let status;
  for (let tries = 0; tries < 30 && status !== 429; tries += 1) status = await logIn(visitor, { ...xi, password: "wrong" });
  await show(visitor, "login, too many failures", 429, status);

  await show(visitor, "unregistered", 400, visitor.go("/login?redirect_url=https%3A%2F%2Fevil.example"));
  await logIn(visitor, mo);
  await show(visitor, "consent", 200, visitor.go(application));
  await show(visitor, "declined", 403, submit(visitor, "form button[value=no]"));
  await visitor.go(ACCOUNT);
  await visitor.page.evaluate(() => document.querySelectorAll("[name=token]").forEach((field) => (field.value = "x")));
  await show(visitor, "not from here", 403, submit(visitor, "form[action$=logout] button"));
  await show(visitor, "logout", 200, visitor.go("/_countersign/logout"));
  await show(visitor, "logged out", 200, submit(visitor, "main form button"));
};
