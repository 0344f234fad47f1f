// Accounts at a real OpenID provider, connected and not.

const { ACCOUNT, LOGIN, agreeThere, connect, fillLogin, logIn, refuseThere, submit, typeMailed } = require("../steps.js");
const { world } = require("../visitor.js");

module.exports = async ({ enter, show }) => {
  const { di, ed } = world.users;
  const visitor = await enter();
  await logIn(visitor, di);
  await show(visitor, "account, nothing connected", 200, 200);
  await show(visitor, "prove yourself before you connect", 200, connect(visitor, "gone"));
  await show(visitor, "connect, no answer", 503, typeMailed(visitor, di));

  // The page on the way goes on by itself: it stays where the provider has no page to show.
  const keepHere = async (route) => route.fulfill({ status: 204 });
  await visitor.go(ACCOUNT);
  await visitor.page.route(`${world.provider}/**`, keepHere);
  await show(visitor, "connect, on the way", 200, connect(visitor, "there"));
  const { searchParams } = new URL(await visitor.page.locator("main a").getAttribute("href"));
  await visitor.page.unroute(`${world.provider}/**`, keepHere);
  const back = new URL(searchParams.get("redirect_uri"));
  back.searchParams.set("state", searchParams.get("state"));
  back.searchParams.set("code", "nobody's");
  await show(visitor, "connect, an answer that cannot be trusted", 502, visitor.go(back.href));
  await show(visitor, "connect, the same answer again", 403, visitor.go(back.href));

  await visitor.go(ACCOUNT);
  await connect(visitor, "there");
  await show(visitor, "connect, refused there", 403, refuseThere(visitor));
  await visitor.go(ACCOUNT);
  await connect(visitor, "there");
  await show(visitor, "account, connected", 303, agreeThere(visitor, "maximiliane.freifrau.von.hohenzollern"));

  const other = await enter();
  await logIn(other, ed);
  await connect(other, "there");
  await typeMailed(other, ed);
  await show(other, "connect, taken", 409, agreeThere(other, "maximiliane.freifrau.von.hohenzollern"));

  // The same gateway under an address that providers do not send people back to.
  await other.go(new URL(LOGIN, world.elsewhere).href);
  await fillLogin(other, ed);
  await show(other, "connect, at another address", 421, connect(other, "there"));
  await visitor.go(ACCOUNT);
  await show(visitor, "account, disconnected", 200, submit(visitor, "form[action$=disconnect] button"));
};
