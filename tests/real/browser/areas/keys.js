// Security keys, as Chromium's virtual authenticator plays them.

const { addKey, elevate } = require("../api.js");
const { ACCOUNT, LOGIN, change, fillLogin, logIn, submit, typeMailed } = require("../steps.js");
const { world } = require("../visitor.js");

const LONG = "a key with a name that is rather long, as people give them";
const FORM = "form[data-key]";
const BUTTON = `${FORM} button`;

module.exports = async ({ enter, show }) => {
  const { al, bo, cy } = world.users;
  const visitor = await enter();
  await logIn(visitor, al);
  await change(visitor, "add-key");
  await show(visitor, "new key", 200, typeMailed(visitor, al));
  await fillIn(visitor, "Blue", "{}");
  await show(visitor, "new key, refused", 422, submit(visitor, FORM, true));
  await fillIn(visitor, " ", "{}");
  await show(visitor, "new key, without a name", 422, submit(visitor, FORM, true));
  await visitor.page.fill("#name", LONG);
  await show(visitor, "account, with a key", 200, submit(visitor, BUTTON));

  await change(visitor, "add-key");
  await fillIn(visitor, "Twice", await answerAsBefore(visitor));
  await show(visitor, "new key, added before", 409, submit(visitor, FORM, true));
  await visitor.page.locator(BUTTON).click();
  await visitor.page.locator("[data-failed]:not([hidden])").waitFor();
  await show(visitor, "new key, no answer", 409, 409);

  const unable = await enter();
  await unable.page.addInitScript(() => delete window.PublicKeyCredential);
  await show(unable, "second step, a browser that knows no keys", 200, logIn(unable, al));
  await unable.go(new URL(LOGIN, world.byNumber).href);
  await show(unable, "second step, no keys here", 200, fillLogin(unable, al));

  await visitor.context.clearCookies();
  await show(visitor, "second step with a key", 200, logIn(visitor, al));
  await submit(visitor, BUTTON);
  await change(visitor, "recovery-codes");
  await submit(visitor, BUTTON);
  await visitor.context.clearCookies();
  await show(visitor, "second step with a key or a recovery code", 200, logIn(visitor, al));
  await submit(visitor, BUTTON);
  await show(visitor, "prove yourself with a key", 200, change(visitor, "remove-key"));
  await visitor.page.locator("[data-answer]").evaluate((field) => (field.value = "{}"));
  await show(visitor, "prove yourself, a key refused", 401, submit(visitor, FORM, true));

  // Under a number no key can be known.
  await unable.go(new URL(LOGIN, world.byNumber).href);
  await fillLogin(unable, cy);
  await unable.page.locator("[name=change]").first().evaluate((field) => (field.value = "add-key"));
  await change(unable, "add-key");
  await show(unable, "new key, none here", 409, typeMailed(unable, cy));

  // As many as an account may have.
  await visitor.context.clearCookies();
  await logIn(visitor, bo);
  await visitor.go("/app/page");
  const elevation = await elevate(visitor, bo);
  for (let count = 0; count < 20; count += 1) {
    await visitor.plugIn();
    await addKey(visitor, `Key ${count}`, elevation);
  }
  await visitor.go(ACCOUNT);
  await change(visitor, "add-key");
  await show(visitor, "new key, one too many", 409, submit(visitor, BUTTON));
};

/// Fills a form for a new key in by hand.
async function fillIn(visitor, name, answer) {
  await visitor.page.locator("[data-answer]").evaluate((field, answer) => (field.value = answer), answer);
  await visitor.page.locator("#name").evaluate((field, name) => (field.value = name), name);
}

/// What a key answers that goes by the name of one that the account has: nobody signs for it, so that anybody can say so.
async function answerAsBefore(visitor) {
  return visitor.page.evaluate(async () => {
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const text = (all) => btoa(String.fromCharCode(...all)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const options = JSON.parse(document.querySelector("form[data-key]").dataset.options);
    const before = options.excludeCredentials[0].id;
    options.excludeCredentials = [];
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const answer = (await navigator.credentials.create({ publicKey })).toJSON();
    const [own, object] = [bytes(answer.rawId), bytes(answer.response.attestationObject)];
    const at = object.findIndex((_, at) => own.every((byte, offset) => object[at + offset] === byte));
    object.set(bytes(before), at);
    const response = { ...answer.response, attestationObject: text(object) };
    return JSON.stringify({ id: before, rawId: before, type: answer.type, response });
  });
}
