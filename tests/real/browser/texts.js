// Every text that pages have in a language, and which of them were shown.

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const path = require("node:path");

const FILES = { en: "english.rs", de: "german.rs" };

class Texts {
  constructor(language) {
    const file = path.join(__dirname, "../../../src/pages/text", FILES[language]);
    const source = readFileSync(file, "utf8");
    const all = [...source.matchAll(/^\s*(\w+): "((?:[^"\\]|\\.)*)",$/gm)];
    assert.equal(all.length, source.match(/^\s*\w+: "/gm).length, "every text is read");
    assert.ok(all.length > 150, `only ${all.length} texts`);
    // Some say the same, in this language or in all; a longer one goes before one that is a part of it.
    this.names = new Map();
    for (const [, name, text] of all) this.names.set(text, [...(this.names.get(text) ?? []), name]);
    this.texts = [...this.names.keys()].sort((a, b) => b.length - a.length);
    this.seen = new Set();
  }

  /// Reads what a page says to eyes and ears.
  async read(page) {
    const said = await page.evaluate(() => {
      const texts = [document.title];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const node = walker.currentNode;
        // What one can choose from is not shown until one does.
        const shown = node.parentElement.closest("select") ?? node.parentElement;
        if (node.nodeType === Node.TEXT_NODE && shown.checkVisibility()) texts.push(node.data);
        if (node.nodeType === Node.ELEMENT_NODE) texts.push(node.getAttribute("aria-label") ?? "");
      }
      return texts;
    });
    for (let text of said) {
      for (const wanted of this.texts) {
        const at = new RegExp(`(?<!\\p{L})${wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?!\\p{L})`, "u");
        if (!at.test(text)) continue;
        this.seen.add(wanted);
        text = text.replace(at, " ");
      }
    }
  }

  /// Those that no page said, with their names.
  unread() {
    return this.texts.filter((text) => !this.seen.has(text)).map((text) => `${this.names.get(text)}: ${text}`);
  }
}

module.exports = { Texts };
