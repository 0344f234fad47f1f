// Another address: given, confirmed, and what becomes of links; and invitations.

const { CONFIRM_LINK, expireLinks, mailed } = require("../api.js");
const { ACCOUNT, logIn, submit } = require("../steps.js");
const { world } = require("../visitor.js");

const LONG = "maximiliane.die.zweite@verwaltungsgemeinschaft.noch-eine-beispielkommune.example";
const CONFIRM = "/_countersign/confirm";

module.exports = async ({ enter, show }) => {
  const { fi, gu, jo } = world.users;
  const [visitor, anybody] = [await enter(), await enter()];
  const give = async (email) => {
    await visitor.page.fill("#new-email", email);
    return submit(visitor, "form[action$=email]", true);
  };
  const open = async (link) => {
    await anybody.go(link);
    return submit(anybody, "main form button");
  };
  await logIn(visitor, fi);
  await show(visitor, "account, an unusable address", 422, give("nobody"));
  await show(visitor, "account, an address given", 202, give(LONG));
  const link = await mailed(LONG, CONFIRM_LINK);
  await show(anybody, "confirm", 200, anybody.go(link));
  await show(anybody, "confirmed", 200, open(link));
  await show(anybody, "confirmed before", 410, open(link));
  await show(visitor, "account, an address confirmed", 200, visitor.go(ACCOUNT));
  await show(visitor, "account, an address that is taken", 202, give(jo.email));
  await give("first@example.org");
  const first = await mailed("first@example.org", CONFIRM_LINK);
  await give("second@example.org");
  await show(anybody, "confirm, another was given since", 410, open(first));
  const second = await mailed("second@example.org", CONFIRM_LINK);
  expireLinks();
  await show(anybody, "confirm, too late", 410, open(second));
  await show(anybody, "confirm, damaged", 410, anybody.go(`${CONFIRM}?token=x`));

  await visitor.context.clearCookies();
  await logIn(visitor, gu);
  let status;
  for (let tries = 0; tries < 30 && status !== 429; tries += 1) status = await give(`gu${tries}@example.org`);
  await show(visitor, "account, too many addresses", 429, status);

  await show(anybody, "invitation", 200, anybody.go(world.invitation));
  await show(anybody, "invitation, damaged", 400, anybody.go("/_countersign/invitation?token=x"));
};
