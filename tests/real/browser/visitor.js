// A person with a browser: one Chromium window that keeps what it sees to itself, and complains of what no page of ours
// may do: log an error, break its content security policy, or load anything from elsewhere.

const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

/// What the test that started us knows: addresses, accounts, links.
const world = JSON.parse(process.argv[2]);

/// Chromium, for as long as `run` takes.
async function withChromium(run, extra = []) {
  // Root has no user namespaces to sandbox with in a container; /dev/shm may be tiny there.
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", ...extra];
  const browser = await chromium.launch({ executablePath: world.chromium, args });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
}

class Visitor {
  constructor(context, page, scripts) {
    this.context = context;
    this.page = page;
    this.scripts = scripts;
    this.faults = [];
    /// Methods and paths that it asked us for.
    this.asked = new Set();
  }

  /// A window with cookies of its own. Without JavaScript, unless `javaScriptEnabled` says otherwise.
  static async at(browser, options = {}) {
    const settings = { locale: "en", javaScriptEnabled: false, ...options };
    const context = await browser.newContext(settings);
    const visitor = new Visitor(context, await context.newPage(), settings.javaScriptEnabled);
    visitor.watch();
    return visitor;
  }

  /// What a provider's pages ask for and log is no fault of ours.
  watch() {
    const ours = [world.gateway, world.elsewhere, world.byNumber, world.app];
    const isThere = () => new URL(this.page.url()).origin === world.provider;
    this.page.on("request", (request) => {
      const { origin, pathname } = new URL(request.url());
      if (ours.includes(origin)) this.asked.add(`${request.method()} ${pathname}`);
      const isAllowed = ours.includes(origin) || origin === world.provider || isThere();
      if (!isAllowed) this.faults.push(`asked ${request.url()}`);
    });
    this.page.on("pageerror", (error) => isThere() || this.faults.push(`script: ${error}`));
    this.page.on("console", (message) => {
      if (isThere()) return;
      // Chromium says so of every page whose status is an error, and those are pages of ours too.
      const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of");
      const isBad = message.type() === "error" || /Content.Security.Policy/i.test(message.text());
      if (isBad && !isStatus) this.faults.push(`console: ${message.text()}`);
    });
  }

  /// Plugs a new security key in, in the place of the one before.
  async plugIn() {
    this.cdp ??= await this.context.newCDPSession(this.page);
    await this.cdp.send("WebAuthn.enable");
    if (this.key) await this.cdp.send("WebAuthn.removeVirtualAuthenticator", this.key);
    const options = { protocol: "ctap2", transport: "usb", automaticPresenceSimulation: true };
    this.key = await this.cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  }

  /// Goes to a path of the gateway, or a URL, and gives the status.
  async go(path) {
    const answer = await this.page.goto(new URL(path, world.gateway).href);
    return answer.status();
  }

  /// Presses a button or link by its name, and gives the status of the page that comes.
  async press(name, scope = this.page) {
    const button = scope.getByRole("button", { name, exact: true }).or(scope.getByRole("link", { name, exact: true }));
    const [answer] = await Promise.all([
      this.page.waitForNavigation(),
      button.first().click(),
    ]);
    return answer.status();
  }

  async fill(fields) {
    for (const [label, value] of Object.entries(fields)) await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  /// Fills in the login form, in English, and sends it.
  async logIn(user = world.user, password = user.password) {
    await this.fill({ "E-mail address or username": user.email, Password: password });
    return this.press("Sign in");
  }

  async heading() {
    return this.page.locator("h1").textContent();
  }

  /// The text of the page.
  async text() {
    return this.page.locator("body").innerText();
  }

  /// What was said above everything.
  async notice() {
    return this.page.locator(".notice:not([hidden])").textContent();
  }

  path() {
    const url = new URL(this.page.url());
    return url.pathname + url.search;
  }

  async cookies() {
    return this.context.cookies();
  }

  /// Closes the window. Whatever was complained of is a failure.
  async leave() {
    await this.context.close();
    assert.deepEqual(this.faults, [], "no error, no policy broken, nothing from elsewhere");
  }
}

module.exports = { Visitor, withChromium, world };
