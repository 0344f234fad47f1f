// What people do on pages in any language: fields and buttons are found by their names in the form.

const { execFileSync } = require("node:child_process");
const { CODE, mailed } = require("./api.js");
const { world } = require("./visitor.js");

const ACCOUNT = "/_countersign/account";
const LOGIN = "/_countersign/login";

/// Presses the first button there, and gives the status of the page that comes; `silently` past any script and any rule
/// of the browser's own.
async function submit(visitor, where, silently = false) {
  const button = visitor.page.locator(where).first();
  const press = (element, silently) => {
    const form = element.form ?? element;
    return silently ? form.submit() : form.requestSubmit(element.form ? element : null);
  };
  const [answer] = await Promise.all([visitor.page.waitForNavigation(), button.evaluate(press, silently)]);
  return answer.status();
}

/// Logs in from the login page, up to the second step if there is one.
async function logIn(visitor, user) {
  await visitor.go(LOGIN);
  return fillLogin(visitor, user);
}

/// The same on the page that is shown.
async function fillLogin(visitor, { email, password }) {
  await visitor.page.fill("#username", email);
  await visitor.page.fill("#password", password);
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

/// Types the code that was mailed.
async function typeMailed(visitor, { email }) {
  return typeCode(visitor, await mailed(email, CODE));
}

/// Goes to a provider from the account page.
async function connect(visitor, provider) {
  return submit(visitor, `form:has([name=provider][value=${provider}]) button`);
}

/// Logs in at the real provider, agrees to be known here, and gives the status of our answer to that.
async function agreeThere(visitor, login) {
  const { page } = visitor;
  const [asked, consent] = [page.getByPlaceholder("Enter any login"), page.getByRole("button", { name: "Continue" })];
  await asked.or(consent).waitFor();
  if (await asked.isVisible()) {
    await asked.fill(login);
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
  }
  return comeBack(visitor, () => consent.click());
}

/// Says no there.
async function refuseThere(visitor) {
  return comeBack(visitor, () => visitor.page.getByRole("link", { name: "[ Cancel ]" }).click());
}

/// The status of our answer to what somebody does at the provider.
async function comeBack({ page }, act) {
  const isAnswer = (answer) => new URL(answer.url()).pathname.startsWith("/_countersign/connected/");
  const [answer] = await Promise.all([
    page.waitForResponse(isAnswer),
    page.waitForURL((url) => url.origin === world.gateway, { waitUntil: "load" }),
    act(),
  ]);
  return answer.status();
}

/// What an app with this secret shows now.
function codeOfApp(secret) {
  return execFileSync("oathtool", ["--totp", "--base32", secret.replaceAll(" ", "")], { encoding: "utf8" }).trim();
}

module.exports = { ACCOUNT, LOGIN, agreeThere, change, codeOfApp, connect, fillLogin, logIn, refuseThere, submit, typeCode, typeMailed };
