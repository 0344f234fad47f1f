// Where a browser lands that is sent to us with somebody's idea of where to go next: here, whatever they wrote.
// BROWSER_REDIRECT_PAYLOADS names a file with more of them, one a line.
// usage: redirects.js WORLD redirect_url|return_to

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { payloads } = require("./payloads.js");
const { Visitor, withChromium, world } = require("./visitor.js");

const LOGIN = "/_countersign/login";
/// Where a page is from is known before it is whole.
const SOON = { waitUntil: "commit" };

let isRegistered = false;

/// Our own and those of the file.
function all() {
  const own = payloads(world.callback, world.gateway);
  assert.ok(own.length >= 150, `${own.length} payloads`);
  const file = process.env.BROWSER_REDIRECT_PAYLOADS;
  const more = file ? readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : [];
  return [...new Set([...own, ...more])];
}

/// The parameter as it stands and encoded: a server decodes once, and so may meet either.
function spellings(payload) {
  return [payload, encodeURIComponent(payload.toWellFormed?.() ?? payload)];
}

/// Goes there; a browser that will not even ask has not left.
async function go(visitor, url) {
  try {
    await visitor.page.goto(url, SOON);
  } catch (error) {
    if (!/ERR_ABORTED|ERR_INVALID_URL|Cannot navigate to invalid URL|Protocol error/.test(String(error))) visitor.faults.push(String(error));
  }
}

/// Whether a URL is one of ours, or the very one that is registered: what a browser leaves out of a payload, we never see.
function isAllowed(url) {
  return new URL(url).origin === world.gateway || (isRegistered && url.split(/[?#]/)[0] === world.callback);
}

/// Complains if the browser is, or was, anywhere else.
function judge(visitor, left, payload) {
  if (!isAllowed(visitor.page.url())) visitor.faults.push(`landed at ${visitor.page.url()}`);
  for (const fault of visitor.faults.splice(0)) left.push(`${JSON.stringify(payload)}: ${fault}`);
}

/// Somebody who is logged in and has agreed before, so that nothing stands between the URL and the redirect.
async function redirectUrl(visitor, left) {
  isRegistered = true;
  const enter = (url) => `${world.gateway}/login?redirect_url=${url}`;
  visitor.faults = [];
  await go(visitor, enter(encodeURIComponent(world.callback)));
  await visitor.logIn();
  await visitor.press("Share and go on");
  await go(visitor, enter(encodeURIComponent(world.callback)));
  assert.equal(visitor.page.url().split("?")[0], world.callback, "the registered one is where they land");
  visitor.faults = [];
  for (const payload of all()) {
    for (const spelling of spellings(payload)) {
      await go(visitor, enter(spelling));
      judge(visitor, left, payload);
    }
  }
}

/// Somebody who logs in with a form that says where to go.
async function returnTo(visitor, left) {
  for (const payload of all()) {
    await visitor.context.clearCookies();
    await go(visitor, `${world.gateway}${LOGIN}?return_to=${spellings(payload)[1]}`);
    judge(visitor, left, payload);
    if (new URL(visitor.page.url()).pathname !== LOGIN || (await visitor.page.locator("form").count()) === 0) {
      await go(visitor, `${world.gateway}${LOGIN}`); // the URL itself was refused
    }
    // What the page would leave out is put there all the same: the form's answer is judged anew.
    const fields = { username: world.user.email, password: world.user.password, return_to: payload };
    const submit = (fields) => {
      const form = document.forms[0];
      for (const [name, value] of Object.entries(fields)) {
        const field = form.elements.namedItem(name) ?? form.appendChild(document.createElement("input"));
        Object.assign(field, { name, value });
      }
      form.submit();
    };
    const lands = visitor.page.waitForNavigation(SOON).catch((error) => visitor.faults.push(`landed nowhere: ${error}`));
    await Promise.all([lands, visitor.page.evaluate(submit, fields)]);
    const cookies = await visitor.cookies();
    assert.ok(cookies.some((cookie) => cookie.name === "countersign"), "logged in");
    judge(visitor, left, payload);
  }
}

/// A server that believes the parameter is found out: the judge can see.
async function control(browser) {
  for (const payload of ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", `${world.app}/elsewhere`]) {
    const visitor = await watched(browser);
    await visitor.page.route(`${world.gateway}/open`, (route) => route.fulfill({ status: 302, headers: { location: payload } }));
    const left = [];
    await visitor.page.goto(`${world.gateway}/open`).catch(() => {});
    judge(visitor, left, payload);
    assert.notDeepEqual(left, [], `${payload} is seen to leave`);
    await visitor.context.close();
  }
}

/// A visitor who should be with the gateway alone.
async function watched(browser) {
  const visitor = await Visitor.at(browser, { javaScriptEnabled: true });
  visitor.page.on("request", (request) => {
    if (!isAllowed(request.url())) visitor.faults.push(`asked ${request.url()}`);
  });
  visitor.page.on("dialog", (dialog) => {
    visitor.faults.push(`ran a script: ${dialog.message()}`);
    dialog.dismiss();
  });
  return visitor;
}

async function run(browser) {
  await control(browser);
  const visitor = await watched(browser);
  const left = [];
  await { redirect_url: redirectUrl, return_to: returnTo }[process.argv[3]](visitor, left);
  assert.deepEqual(left, []);
  console.error(`${all().length} payloads`);
  await visitor.leave();
}

// No name is looked up: what leaves is seen when it is asked for.
withChromium(run, ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
