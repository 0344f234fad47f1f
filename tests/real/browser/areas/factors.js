// Second factors that are typed: an app, recovery codes, mailed codes, and what goes wrong with them.

const { ACCOUNT, change, codeOfApp, logIn, submit, typeCode, typeMailed } = require("../steps.js");
const { world } = require("../visitor.js");

module.exports = async ({ enter, show }) => {
  const { jo, vi, nameless } = world.users;
  const [visitor, other] = [await enter(), await enter()];
  await logIn(visitor, jo);
  await show(visitor, "prove yourself", 200, change(visitor, "totp"));
  await show(visitor, "prove yourself, wrong code", 401, typeCode(visitor, "ABCD-EFGH"));
  await show(visitor, "set up an app", 200, typeMailed(visitor, jo));
  await show(visitor, "set up an app, wrong code", 401, typeCode(visitor, "000000"));
  const secret = await visitor.page.locator("code").innerText();
  await show(visitor, "account, with an app", 200, typeCode(visitor, codeOfApp(secret)));
  await show(other, "second step with an app", 200, logIn(other, jo));
  await show(visitor, "recovery codes", 200, change(visitor, "recovery-codes"));
  const codes = await visitor.page.locator("code").allInnerTexts();
  await visitor.go(ACCOUNT);
  await show(visitor, "account, with an app and recovery codes", 200, 200);

  await show(other, "second step", 200, logIn(other, jo));
  await show(other, "second step, wrong code", 401, typeCode(other, "000000"));
  await typeCode(other, codes[0]);
  await show(other, "prove yourself with what you have", 200, change(other, "remove-totp"));
  await show(other, "prove yourself with a mailed code", 200, submit(other, "button[name=mail]"));
  await show(other, "account, without an app again", 200, typeMailed(other, jo));

  // Five wrong tries end a mailed code; five in two steps make ten, and after fifteen no factor is asked any more.
  await visitor.context.clearCookies();
  await logIn(visitor, vi);
  let status = await change(visitor, "totp");
  for (let tries = 0; tries < 20 && status !== 429; tries += 1) status = await typeCode(visitor, "ABCD-EFGH");
  await show(visitor, "prove yourself, too many wrong codes", 429, status);
  for (let mails = 0; mails < 5 && (mails === 0 || status !== 429); mails += 1) status = await submit(visitor, "button[name=mail]");
  await show(visitor, "prove yourself, too many mails", 429, status);
  await visitor.context.clearCookies();
  await logIn(visitor, nameless);
  await show(visitor, "prove yourself, without an address", 409, change(visitor, "totp"));
  await show(visitor, "prove yourself on the way", 200, visitor.go("/careful/"));
  await show(visitor, "prove yourself on the way, without an address", 409, submit(visitor, "button[name=mail]"));
};
