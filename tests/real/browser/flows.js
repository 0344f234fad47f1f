// What people do with the pages, each flow from its first page to its last, without JavaScript.
// usage: flows.js WORLD FLOW

const assert = require("node:assert/strict");
const { CODE, CONFIRM_LINK, arrived, expireLinks, mailed } = require("./api.js");
const { agreeThere, refuseThere } = require("./steps.js");
const { Visitor, withChromium, world } = require("./visitor.js");

const ACCOUNT = "/_countersign/account";
const { user } = world;

/// From a page of the app to the login page and back.
async function logIn(browser) {
  const visitor = await Visitor.at(browser);
  await visitor.go("/app/wanted?a=b%2Fc");
  assert.equal(await visitor.heading(), "Sign in");
  assert.equal(visitor.path().split("?")[0], "/_countersign/login");

  assert.equal(await visitor.logIn(user, "not the password"), 401);
  assert.match(await visitor.notice(), /not right/);
  const name = visitor.page.getByLabel("E-mail address or username");
  assert.equal(await name.inputValue(), user.email, "the name need not be typed again");
  assert.deepEqual((await visitor.cookies()).map((cookie) => cookie.name), ["countersign-login"]);

  assert.equal(await visitor.logIn(), 200);
  assert.equal(visitor.path(), "/app/wanted?a=b%2Fc", "back to the wanted URL");
  const seen = JSON.parse(await visitor.text());
  assert.equal(seen.headers["x-forwarded-email"], user.email);
  assert.equal(seen.headers.cookie, undefined, "our cookie does not reach the app");
  const cookie = (await visitor.cookies()).find((cookie) => cookie.name === "countersign");
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);

  await visitor.go("/_countersign/logout");
  assert.equal(await visitor.press("Sign out"), 200);
  assert.equal(visitor.path(), "/_countersign/login");
  await visitor.go("/app/wanted");
  assert.equal(visitor.path().split("?")[0], "/_countersign/login", "signed out");
  await visitor.leave();
}

/// The same over TLS: HTTP/2, and a cookie that no other host and no plain connection can set or get.
async function secure(browser) {
  const visitor = await Visitor.at(browser, { ignoreHTTPSErrors: true, javaScriptEnabled: true });
  const protocol = () => visitor.page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  const ours = async () => (await visitor.cookies()).filter(({ name }) => name.includes("countersign"));
  assert.match(world.gateway, /^https:/);
  await visitor.go("/app/page?a=b%2Fc");
  assert.equal(await visitor.heading(), "Sign in");
  assert.equal(await protocol(), "h2");
  assert.equal(await visitor.logIn(), 200);
  assert.equal(visitor.page.url(), `${world.gateway}/app/page?a=b%2Fc`, "back to the wanted URL");
  assert.equal(await protocol(), "h2");
  const session = (await ours()).find(({ name }) => !/login|ticket|elevation/.test(name));
  const { name, value, domain, path, secure, httpOnly, sameSite } = session;
  assert.deepEqual(
    { name, domain, path, secure, httpOnly, sameSite },
    { name: "__Host-countersign", domain: "localhost", path: "/", secure: true, httpOnly: true, sameSite: "Lax" },
  );
  assert.doesNotMatch(value, /jo|example/, "it says nothing");
  for (const cookie of await ours()) assert.deepEqual([cookie.secure, cookie.httpOnly], [true, true], cookie.name);
  assert.equal(await visitor.page.evaluate(() => document.cookie), "", "scripts see none of it");
  const seen = await visitor.page.evaluate(() => fetched("/app/x"));
  assert.equal(JSON.parse(seen.body).headers.cookie, undefined, "nor does the app");

  // A page of the app cannot put another in its place.
  await visitor.page.evaluate(() => {
    document.cookie = "__Host-countersign=css_forged; Secure; Path=/";
    document.cookie = "__Host-countersign=css_forged; Secure; Path=/app";
  });
  assert.deepEqual((await ours()).filter((cookie) => cookie.name === name).map((cookie) => cookie.value), [value]);

  await visitor.go("/_countersign/logout");
  await visitor.press("Sign out");
  assert.deepEqual((await ours()).filter((cookie) => cookie.name === name), []);
  await visitor.go("/app/page");
  assert.equal(await visitor.heading(), "Sign in");
  await visitor.leave();
}

/// What scripts see: 401 where their page would be sent to log in, and other sites what the app lets them see.
async function scripts(browser) {
  const visitor = await Visitor.at(browser, { javaScriptEnabled: true });
  const ask = (url, how) => visitor.page.evaluate(([url, how]) => fetched(url, how), [url, how]);
  await visitor.go("/app/page");
  await visitor.logIn();
  assert.equal(visitor.path(), "/app/page");
  const good = await ask("/app/data");
  assert.equal(good.status, 200);
  assert.equal(JSON.parse(good.body).headers["x-forwarded-email"], user.email);

  await visitor.context.clearCookies();
  const refused = await ask("/app/data", { headers: { Accept: "text/html" } });
  assert.deepEqual([refused.status, refused.redirected, refused.url], [401, false, `${world.gateway}/app/data`]);
  assert.match(refused.challenge, /^Bearer realm="[^"]*"$/, "no browser asks for a password of its own");
  assert.equal(JSON.parse(refused.body).status, 401);
  const requested = await visitor.page.evaluate(() => requested("/app/data"));
  assert.deepEqual([requested.status, requested.url], [401, `${world.gateway}/app/data`]);
  assert.equal(visitor.path(), "/app/page", "and its page stays");
  assert.equal(await visitor.go("/app/data"), 200);
  assert.equal(await visitor.heading(), "Sign in", "a person is sent to log in");

  await visitor.logIn();
  await visitor.go(ACCOUNT);
  await visitor.fill({ "Name of a new token": "elsewhere" });
  await visitor.press("Make token");
  const token = await visitor.page.locator("code").textContent();

  // Another site: its preflight passes without a credential, and then the token alone decides.
  await visitor.go(`${world.app}/app/page`);
  const [url, note] = [`${world.gateway}/shared/note`, { "X-Note": "1" }];
  const put = (headers) => ask(url, { method: "PUT", headers });
  const answer = await put({ ...note, Authorization: `Bearer ${token}` });
  assert.equal(answer.status, 200);
  const { method, headers } = JSON.parse(answer.body);
  assert.deepEqual([method, headers["x-note"], headers["x-forwarded-email"]], ["PUT", "1", user.email]);
  assert.equal(headers.authorization, undefined);
  await assert.rejects(put(note), /Failed to fetch/, "what we refuse another site cannot read");
  await assert.rejects(put({ ...note, "X-Other": "1" }), /Failed to fetch/, "the app's own answer counts");
  visitor.faults = visitor.faults.filter((fault) => !/blocked by CORS policy|net::ERR_FAILED/.test(fault));
  await visitor.leave();
}

/// A page that asks for a recent proof: asked for a mailed code on the way there, and back to the wanted URL.
async function careful(browser) {
  const visitor = await Visitor.at(browser);
  await visitor.go("/app/");
  await visitor.logIn();
  assert.equal(await visitor.go("/careful/wanted?a=b%2Fc"), 200);
  assert.equal(await visitor.heading(), "Is it you?");
  assert.equal(await visitor.press("Mail me a code"), 200);
  await visitor.fill({ Code: "ABCD-EFGH" });
  assert.equal(await visitor.press("Go on"), 401);
  assert.match(await visitor.notice(), /not right/);
  await visitor.fill({ Code: await mailed(user.email, CODE) });
  assert.equal(await visitor.press("Go on"), 200);
  assert.equal(visitor.path(), "/careful/wanted?a=b%2Fc", "back to the wanted URL");
  const seen = JSON.parse(await visitor.text());
  assert.match(seen.headers["x-forwarded-elevated-until"], /Z$/);
  assert.equal(seen.headers.cookie, undefined, "no cookie of ours reaches the app");
  const cookie = (await visitor.cookies()).find((cookie) => cookie.name === "countersign-elevation");
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
  assert.equal(await visitor.go("/careful/again"), 200);
  assert.equal(visitor.path(), "/careful/again", "asked once");

  await visitor.context.clearCookies({ name: "countersign-elevation" });
  await visitor.go("/careful/");
  assert.equal(await visitor.heading(), "Is it you?", "the session alone is not enough");
  await visitor.leave();
}

/// A browser that loses the cookie is told so, and does not run in a circle.
async function bounce(browser) {
  const visitor = await Visitor.at(browser);
  await visitor.go("/app/");
  assert.equal(await visitor.page.locator(".notice").count(), 0);
  assert.equal(await visitor.logIn(), 200);
  assert.equal(visitor.path(), "/app/");
  await visitor.context.clearCookies({ name: "countersign" });
  await visitor.go("/app/");
  assert.equal(await visitor.heading(), "Sign in");
  assert.match(await visitor.notice(), /sent here twice/);
  assert.equal(await visitor.logIn(), 200, "and can try once more");
  await visitor.leave();
}

/// An app that is a provider of logins itself sends whoever has logged in on to another site: nothing stops that.
async function onward(browser) {
  const visitor = await Visitor.at(browser);
  const there = `${world.app}/landed`;
  await visitor.go(`/app/onward?${there}`);
  assert.equal(await visitor.heading(), "Sign in");
  assert.equal(await visitor.logIn(), 200);
  assert.equal(visitor.page.url(), there);
  await visitor.leave();
}

/// The keyboard alone: every step by Tab, Enter and letters, and the focus is seen.
async function keyboard(browser) {
  const visitor = await Visitor.at(browser);
  const { keyboard } = visitor.page;
  const focused = () => visitor.page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
  await visitor.go("/app/keys");
  assert.equal(await focused(), "username", "the first field has the focus");
  await keyboard.type(user.email);
  await keyboard.press("Tab");
  assert.equal(await focused(), "password");
  await keyboard.type(user.password);
  await keyboard.press("Tab");
  assert.equal(await focused(), "BUTTON");
  const outline = await visitor.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "the focus is seen");
  await Promise.all([visitor.page.waitForURL(`${world.gateway}/app/keys`), keyboard.press("Enter")]);

  await visitor.go(ACCOUNT);
  const reached = new Set();
  for (let step = 0; step < 40; step += 1) {
    await keyboard.press("Tab");
    reached.add(await visitor.page.evaluate(() => document.activeElement.textContent || document.activeElement.id));
  }
  for (const what of ["Sign out", "Sign out everywhere", "label", "Make token", "current", "Change password"]) {
    assert.ok(reached.has(what), `${what} is reached by Tab: ${[...reached]}`);
  }
  await visitor.leave();
}

/// An application sends somebody here, they agree once, and come back with a token.
async function application(browser) {
  const visitor = await Visitor.at(browser);
  const login = `/login?redirect_url=${encodeURIComponent(world.callback)}`;
  await visitor.go(login);
  assert.match(await visitor.text(), /Notebook would like you to sign in/);
  assert.equal(await visitor.logIn(), 200);
  assert.equal(await visitor.heading(), "Share who you are?");
  assert.match(await visitor.text(), new RegExp(user.email));
  assert.equal(await visitor.press("Do not share"), 403);
  assert.equal(await visitor.heading(), "Nothing was shared");

  await visitor.go(login);
  assert.equal(await visitor.press("Share and go on"), 200);
  const landed = new URL(visitor.page.url());
  assert.equal(landed.origin + landed.pathname, world.callback);
  const token = landed.searchParams.get("sessionToken");
  assert.match(token, /^css_/);
  const me = await (await fetch(`${world.gateway}/me/${token}`)).json();
  assert.deepEqual(me, { userId: user.id, email: user.email });

  await visitor.go(login);
  assert.equal(new URL(visitor.page.url()).pathname, landed.pathname, "asked once");

  // Refused on the account page, it gets nothing more, and what it has is dead.
  await visitor.go(ACCOUNT);
  await visitor.press("Refuse: Notebook");
  assert.equal((await fetch(`${world.gateway}/me/${token}`)).status, 401);
  await visitor.go(login);
  assert.equal(new URL(visitor.page.url()).origin, world.gateway, "not led there");
  await visitor.go(ACCOUNT);
  await visitor.press("Allow: Notebook");
  await visitor.go(login);
  assert.equal(await visitor.heading(), "Share who you are?", "allowed again, they are asked again");
  await visitor.press("Share and go on");
  assert.equal(new URL(visitor.page.url()).origin, world.app);

  await visitor.go("/login?redirect_url=https%3A%2F%2Fevil.example%2F");
  assert.equal(await visitor.heading(), "You cannot be sent there");
  await visitor.leave();
}

/// Everything that can be done on the account page.
async function account(browser) {
  const [here, there] = [await Visitor.at(browser), await Visitor.at(browser)];
  for (const visitor of [here, there]) {
    await visitor.go(ACCOUNT);
    await visitor.logIn();
    assert.equal(await visitor.heading(), "Your account");
  }
  await here.page.reload();
  await here.press("End: Browser");
  await there.go("/app/");
  assert.equal(await there.heading(), "Sign in", "the other session was ended");
  assert.equal(await here.go("/app/"), 200, "and this one was not");

  await here.go(ACCOUNT);
  await here.fill({ "Name of a new token": "backup <script>" });
  await here.press("Make token");
  const token = await here.page.locator("code").textContent();
  const answer = () => fetch(`${world.gateway}/app/`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal((await answer()).status, 200);
  await here.press("Back to your account");
  assert.match(await here.text(), /backup <script>/);
  assert.doesNotMatch(await here.text(), new RegExp(token), "shown once");
  await here.press("Revoke: backup <script>");
  assert.equal((await answer()).status, 401);

  const change = (current, next, repeated) =>
    here.fill({ "Present password": current, "New password": next, "New password again": repeated });
  const next = "a new password of some length";
  for (const [fields, says] of [
    [["wrong", next, next], /present password is not right/],
    [[user.password, next, "another"], /not the same/],
    [[user.password, "short", "short"], /too short/],
  ]) {
    await change(...fields);
    assert.equal(await here.press("Change password"), 422);
    assert.match(await here.notice(), says);
  }
  await there.logIn();
  await change(user.password, next, next);
  assert.equal(await here.press("Change password"), 200);
  assert.match(await here.notice(), /password is changed/);
  await there.go(ACCOUNT);
  assert.equal(await there.heading(), "Sign in", "a changed password ends every session");
  assert.equal(await there.logIn(user), 401);
  assert.equal(await there.logIn(user, next), 200);

  await here.go(ACCOUNT);
  await here.logIn(user, next);
  await here.press("Sign out everywhere");
  for (const visitor of [here, there]) {
    await visitor.go(ACCOUNT);
    assert.equal(await visitor.heading(), "Sign in", "signed out everywhere");
    await visitor.leave();
  }
}

/// The links in our mails.
async function links(browser) {
  const visitor = await Visitor.at(browser);
  const email = "new@example.org";
  const body = new URLSearchParams({ client: world.client, email, password: user.password });
  const registered = await fetch(`${world.gateway}/users`, { method: "POST", body });
  assert.equal(registered.status, 201);
  const link = await mailed(email, CONFIRM_LINK);
  await visitor.go(link);
  assert.equal(await visitor.heading(), "Confirm your e-mail address");
  await visitor.page.reload(); // as scanners and previews do: nothing is used up
  assert.equal(await visitor.press("Confirm my address"), 200);
  assert.match(await visitor.text(), /new@example.org: Your address is confirmed/);
  await visitor.go(link);
  assert.equal(await visitor.press("Confirm my address"), 410);

  await visitor.go(world.invitation);
  assert.equal(await visitor.heading(), "You are invited");
  const code = await visitor.page.locator("code").textContent();
  assert.equal(code, new URL(world.invitation).searchParams.get("token"));
  await visitor.go(world.invitation.slice(0, -1));
  assert.match(await visitor.text(), /link is not complete/);
  await visitor.leave();
}

/// Another address: the mail comes through a real mail server, and its link counts.
async function address(browser) {
  const visitor = await Visitor.at(browser);
  await visitor.go(ACCOUNT);
  await visitor.logIn();
  const give = async (email) => {
    await visitor.fill({ "New e-mail address": email });
    return visitor.press("Change address");
  };
  const shown = async () => (await (await visitor.page.locator("section[aria-labelledby=email]")).innerText()).split("\n");
  const open = async (link) => {
    await visitor.go(link);
    return visitor.press("Confirm my address");
  };

  assert.equal(await give("jo-again@example.org"), 202);
  assert.match(await visitor.notice(), /mail is on its way/);
  assert.ok((await shown()).includes("jo-again@example.org not confirmed yet"), await shown());
  const link = await mailed("jo-again@example.org", CONFIRM_LINK);
  assert.equal(new URL(link).origin, world.gateway);
  assert.equal(await open(link), 200);
  assert.match(await visitor.text(), /jo-again@example.org: Your address is confirmed/);
  assert.ok(await mailed(user.email, /jo-again@example.org/), "the address before is told");
  await visitor.go(ACCOUNT);
  assert.ok((await shown()).includes("jo-again@example.org"), await shown());
  assert.equal(await open(link), 410, "a link is good once");
  assert.equal(await visitor.heading(), "This link is no longer good");

  // Who gives another's address sees the same page; its owner is told, and no link goes out.
  await visitor.go(ACCOUNT);
  const { mo } = world.users;
  assert.equal(await give(mo.email), 202);
  assert.match(await visitor.notice(), /mail is on its way/);
  assert.ok((await shown()).includes(`${mo.email} not confirmed yet`), await shown());
  assert.ok(await mailed(mo.email, /Another account .* gave this address/));
  const told = arrived().filter((mail) => mail.to.includes(mo.email));
  assert.deepEqual(told.map((mail) => CONFIRM_LINK.test(mail.parts[0][1])), [false]);

  // Of two links the newer one counts, and none for ever.
  await visitor.go(ACCOUNT);
  await give("first@example.org");
  const first = await mailed("first@example.org", CONFIRM_LINK);
  await give("second@example.org");
  const second = await mailed("second@example.org", CONFIRM_LINK);
  assert.equal(await open(first), 410);
  expireLinks();
  assert.equal(await open(second), 410);
  await visitor.go("/_countersign/logout");
  await visitor.press("Sign out");
  await visitor.go(ACCOUNT);
  assert.equal(await visitor.logIn({ ...user, email: "jo-again@example.org" }), 200, "the confirmed one signs in");
  await visitor.leave();
}

/// Accounts at a real OpenID provider: connected with a login and consent there, refused there, taken, taken away.
async function connections(browser) {
  const [visitor, other] = [await Visitor.at(browser), await Visitor.at(browser)];
  const connected = async (whose) => whose.page.getByRole("button", { name: /^Disconnect: / }).count();
  for (const [whose, who] of [[visitor, user], [other, world.users.mo]]) {
    await whose.go(ACCOUNT);
    await whose.logIn(who);
    assert.equal(await connected(whose), 0);
  }
  for (const [whose, who] of [[visitor, user], [other, world.users.mo]]) {
    await whose.press("Connect Over there");
    assert.equal(await whose.heading(), "Is it you?", "what is connected may be a way in one day");
    await whose.fill({ Code: await mailed(who.email, CODE) });
    await whose.press("Go on");
    assert.equal(await refuseThere(whose), 403);
  }
  assert.equal(await visitor.heading(), "Nothing was connected");
  assert.match(await visitor.text(), /did not agree/);

  await visitor.press("Back to your account");
  assert.equal(await connected(visitor), 0);
  await visitor.press("Connect Over there");
  assert.equal(await agreeThere(visitor, "jo-there"), 303);
  assert.equal(visitor.path(), ACCOUNT);
  assert.match(await visitor.text(), /Over there JO-THERE/);
  assert.equal(await connected(visitor), 1);
  assert.ok(await mailed(user.email, /Over there/), "the account is mailed");

  await other.press("Back to your account");
  await other.press("Connect Over there");
  assert.equal(await agreeThere(other, "jo-there"), 409);
  assert.match(await other.text(), /connected to another account here/);
  await other.press("Back to your account");
  assert.equal(await connected(other), 0);

  await visitor.press("Disconnect: Over there JO-THERE");
  assert.equal(visitor.path(), ACCOUNT);
  assert.equal(await connected(visitor), 0);
  await other.press("Connect Over there");
  await other.page.waitForURL(`${world.gateway}${ACCOUNT}`); // they agreed there before
  assert.equal(await connected(other), 1, "free again");
  for (const whose of [visitor, other]) await whose.leave();
}

/// Another site that posts our forms for somebody who is logged in changes nothing.
async function forgery(browser) {
  const visitor = await Visitor.at(browser, { javaScriptEnabled: true });
  await visitor.go(ACCOUNT);
  await visitor.logIn();
  await visitor.page.route(`${world.app}/forger`, (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<form method="post" action="${world.gateway}/_countersign/logout-everywhere"><button>Win</button></form>`,
    }),
  );
  await visitor.go(`${world.app}/forger`);
  assert.equal(await visitor.press("Win"), 403);
  assert.equal(await visitor.heading(), "This did not come from here");
  assert.equal(await visitor.go("/app/"), 200, "still signed in");

  // A script elsewhere neither reads an answer nor is sent to the login page.
  await visitor.go(`${world.app}/forger`);
  const read = await visitor.page.evaluate(
    (url) => fetch(url, { credentials: "include" }).then(() => "read", () => "refused"),
    `${world.gateway}/app/`,
  );
  assert.equal(read, "refused");
  visitor.faults = visitor.faults.filter((fault) => !/blocked by CORS policy|net::ERR_FAILED/.test(fault));
  await visitor.leave();
}

const flows = { account, address, application, bounce, careful, connections, forgery, keyboard, links, logIn, onward, scripts, secure };
withChromium(flows[process.argv[3]]).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
