// The account page, of somebody with a long name: sessions, API tokens, applications, password.

const { ACCOUNT, logIn, submit } = require("../steps.js");
const { world } = require("../visitor.js");

const LONG = "a token with a name that is rather long, as people give them";

module.exports = async ({ enter, show }) => {
  const user = { ...world.users.long };
  const [visitor, other] = [await enter(), await enter()];
  await logIn(other, user);
  await logIn(visitor, user);
  await show(visitor, "account", 200, visitor.go(ACCOUNT));
  await visitor.page.fill("#label", "   ");
  await show(visitor, "account, a token without a name", 422, submit(visitor, "form[action$=tokens] button"));
  await visitor.page.fill("#label", LONG);
  await show(visitor, "token made", 200, submit(visitor, "form[action$=tokens] button"));
  await visitor.go(`/login?redirect_url=${encodeURIComponent(world.callback)}`);
  await show(visitor, "consent, a long address", 200, 200);
  await submit(visitor, "form button[value=yes]");
  await show(visitor, "account, with everything", 200, visitor.go(ACCOUNT));
  await show(visitor, "account, an application refused", 200, submit(visitor, "form[action$=clients] button"));
  await show(visitor, "account, an application allowed", 200, submit(visitor, "form[action$=clients] button"));
  await show(visitor, "account, a session ended", 200, submit(visitor, "form[action$=sessions] button"));

  const passwords = async (current, next, repeated) => {
    for (const [id, text] of Object.entries({ current, new: next, repeated })) await visitor.page.fill(`#${id}`, text);
    return submit(visitor, "form[action$=password] button");
  };
  const next = "another password of some length";
  await show(visitor, "account, a wrong password", 422, passwords("wrong", next, next));
  await show(visitor, "account, passwords that differ", 422, passwords(user.password, next, "another"));
  await show(visitor, "account, a short password", 422, passwords(user.password, "short", "short"));
  await show(visitor, "login, the password is changed", 200, passwords(user.password, next, next));
  await logIn(visitor, { ...user, password: next });
  await show(visitor, "logged out everywhere", 200, submit(visitor, "form[action$=logout-everywhere] button"));
};
