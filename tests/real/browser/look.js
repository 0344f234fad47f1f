// Every page of ours, in a language and a colour scheme, on a phone and on a wide screen: axe-core finds nothing, nothing
// is cut off or scrolls sideways, everything is reached by keyboard, and nothing is loaded from elsewhere.
//
// The pages stand in `areas`, each a walk from page to page. With `everything` all are walked without a closer look, and
// have then shown every text that pages have, and asked for every path that pages are at.
// usage: look.js WORLD LANGUAGE light|dark AREA|everything

const assert = require("node:assert/strict");
const { mkdirSync } = require("node:fs");
const axe = require("axe-core");
const { Texts } = require("./texts.js");
const { Visitor, withChromium, world } = require("./visitor.js");

const AREAS = ["login", "account", "factors", "keys", "addresses", "connections", "refusals"];
const [locale, colorScheme, area] = process.argv.slice(3);
const pictures = process.env.BROWSER_SCREENSHOTS;

/// What is wrong with the page that is shown.
async function faultsOf(page) {
  const faults = [];
  await page.evaluate(axe.source);
  const { violations, incomplete } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations", "incomplete"] }));
  for (const { id, nodes } of [...violations, ...incomplete]) {
    faults.push(...nodes.map((node) => `axe ${id}: ${node.html} ${node.failureSummary}`));
  }
  if ((await page.locator("html").getAttribute("lang")) !== locale) faults.push("another language");
  if ((await page.locator("h1").count()) !== 1) faults.push("not one heading");
  if ((await page.locator("main").count()) !== 1) faults.push("no main part");
  if ((await page.locator("link[rel=stylesheet]").count()) !== 1) faults.push("no stylesheet");
  return faults;
}

/// How far the page is wider than the window, and what is.
async function overflowOf(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 1);
    return document.documentElement.scrollWidth > width ? [`${document.documentElement.scrollWidth} wide`] : wide.map((it) => `cut off: ${it.outerHTML}`);
  });
}

/// What Tab does not reach, or reaches without a frame around it that is seen.
async function unreachedOf(page) {
  const count = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, select, input:not([type=hidden])")];
    window.waiting = new Set(all.filter((element) => element.checkVisibility()));
    return window.waiting.size;
  });
  const faults = [];
  for (let step = 0; step < count + 2; step += 1) {
    await page.keyboard.press("Tab");
    faults.push(...(await page.evaluate(() => {
      const reached = document.activeElement;
      const isNew = window.waiting.delete(reached);
      const { outlineStyle, outlineWidth } = getComputedStyle(reached);
      return isNew && (outlineStyle !== "solid" || outlineWidth !== "3px") ? [`focus is not seen: ${reached.outerHTML}`] : [];
    })));
  }
  const unreached = await page.evaluate(() => [...window.waiting].map((element) => `not reached by Tab: ${element.outerHTML}`));
  return [...faults, ...unreached];
}

/// Looks at each page that it is shown, or only remembers what it says.
class Looker {
  constructor(isClose) {
    this.isClose = isClose;
    this.faults = [];
    this.texts = new Texts(locale);
  }

  /// Takes the page that a visitor comes to; `status` is what it has to be sent with.
  async show(visitor, name, status, coming) {
    const where = `${name}, ${locale}, ${colorScheme}`;
    const came = await coming;
    if (came !== status) this.faults.push(`${where}: ${came}`);
    await this.texts.read(visitor.page);
    if (!this.isClose) return;
    for (const width of [1280, 360]) {
      await visitor.page.setViewportSize({ width, height: 740 });
      if (pictures) await visitor.page.screenshot({ path: `${pictures}/${where}, ${width}.png`, fullPage: true });
      const found = [...(await faultsOf(visitor.page)), ...(await overflowOf(visitor.page))];
      this.faults.push(...found.map((fault) => `${where}, ${width}: ${fault}`));
    }
    const unreached = await unreachedOf(visitor.page);
    this.faults.push(...unreached.map((fault) => `${where}: ${fault}`));
  }
}

/// Whether a path is one that a route stands for.
function isAt([method, path], asked) {
  const pattern = path.replace(/\{\w+\}/, "[^/]+");
  return [...asked].some((one) => new RegExp(`^${method} ${pattern}$`).test(one));
}

async function look(browser) {
  if (pictures) mkdirSync(pictures, { recursive: true });
  const isWhole = area === "everything";
  const looker = new Looker(!isWhole);
  const asked = new Set();
  for (const name of isWhole ? AREAS : [area]) {
    const visitors = [];
    const enter = async () => {
      const visitor = await Visitor.at(browser, { locale, colorScheme, javaScriptEnabled: true });
      visitors.push(visitor);
      await visitor.plugIn();
      return visitor;
    };
    await require(`./areas/${name}.js`)({ enter, show: looker.show.bind(looker) });
    for (const visitor of visitors) {
      for (const one of visitor.asked) asked.add(one);
      await visitor.leave();
    }
  }
  if (isWhole) {
    const unasked = world.routes.filter((route) => !isAt(route, asked));
    looker.faults.push(...unasked.map((route) => `nobody went to ${route.join(" ")}`));
    looker.faults.push(...looker.texts.unread().map((text) => `nobody read ${text}`));
  }
  assert.deepEqual(looker.faults, []);
}

withChromium(look).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
