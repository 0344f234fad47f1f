// What people write into a parameter to have a browser sent elsewhere, by families. Each host is one that nobody has.

const EVIL = "evil.example";

/// Each family is a list of texts, given the origin that is registered and the one that is ours.
const families = {
  "an absolute URL": () => ["https", "http", "ftp", "ws", "wss", "HTTPS", "hTTp"].map((scheme) => `${scheme}://${EVIL}/`),
  "an absolute URL with too few or many slashes": () =>
    ["https:", "https:/", "https:///", "https:////", "http:", "http:/", "http:///"].map((start) => start + EVIL),
  "an absolute URL with backslashes": () =>
    ["https:\\\\", "https:/\\", "https:\\/", "http:\\\\", "https:\\"].map((start) => start + EVIL),
  "no scheme": () => ["//", "///", "////", "/////", "//////"].flatMap((start) => [start + EVIL, `${start}${EVIL}/..`, `${start}${EVIL}//`]),
  "backslashes for slashes": () =>
    ["\\\\", "/\\", "\\/", "/\\/", "\\\\/", "/\\\\", "//\\", "\\/\\/", "\\\t\\"].map((start) => start + EVIL),
  "what parsers leave out, between the slashes": () =>
    ["\t", "\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1f", " ", "\u00a0", "\u2028", "\ufeff", "\u200b"].flatMap((odd) => [
      `/${odd}/${EVIL}`,
      `${odd}//${EVIL}`,
      `/${odd}\\${EVIL}`,
    ]),
  "the same, encoded": () =>
    ["%09", "%0a", "%0d", "%0d%0a", "%00", "%20", "%2f", "%5c", "%252f", "%255c", "%e2%80%a8", "%c0%af", "%ef%bc%8f"].flatMap((odd) => [
      `/${odd}/${EVIL}`,
      `${odd}${odd}${EVIL}`,
      `/${odd}${EVIL}`,
    ]),
  "a path that climbs to two slashes": () =>
    ["/.//", "/..//", "/a/..//", "/a/../../", "/;//", "/./\\", "/%2e//", "/%2e%2e//", "/a/%2e%2e//", "/.;//", "/..;//", "/?/..//"].map(
      (start) => start + EVIL,
    ),
  "user information": (registered, ours) =>
    [registered, ours].flatMap((origin) => {
      const { host, protocol } = new URL(origin);
      return ["@", ":80@", ":x@", "%40", "\\@", "%00@", "#@", "?@", "/@", ";@"].map((at) => `${protocol}//${host}${at}${EVIL}/callback`);
    }),
  "user information without a scheme": (registered) => {
    const { host } = new URL(registered);
    return [`//${host}@${EVIL}`, `/\\${host}@${EVIL}`, `@${EVIL}`, `/@${EVIL}`, `//@${EVIL}`, `//:@${EVIL}`];
  },
  "a host that begins or ends like the right one": (registered) => {
    const { hostname } = new URL(registered);
    return [".", "-", "_", "%2e", "%2f", "。", "．", "/", "?", "#"].flatMap((joint) => [
      `http://${hostname}${joint}${EVIL}/callback`,
      `http://${EVIL}${joint}${hostname}/callback`,
    ]);
  },
  "the right URL inside another": (registered) => [
    `https://${EVIL}/${registered}`,
    `https://${EVIL}?${registered}`,
    `https://${EVIL}#${registered}`,
    `https://${EVIL}\\${registered}`,
    `//${EVIL}/?x=${registered}`,
    `${registered}\r\nLocation: https://${EVIL}`,
    `${registered}%0d%0aLocation:%20https://${EVIL}`,
  ],
  "nearly the right URL": (registered) => [
    `${registered}/../../${EVIL}`,
    `${registered}?next=//${EVIL}`,
    `${registered}#//${EVIL}`,
    `${registered}/`,
    ` ${registered}`,
    `${registered} `,
    `\t${registered}`,
    registered.toUpperCase(),
    registered.replace("callback", "Callback"),
    registered.replace("callback", "%63allback"),
    registered.replace("callback", "x/../callback"),
    registered.replace("127.0.0.1", "127.1"),
    registered.replace("127.0.0.1", "2130706433"),
    registered.replace("127.0.0.1", "0x7f000001"),
    registered.replace("127.0.0.1", "0177.0.0.1"),
    registered.replace("127.0.0.1", "[::ffff:7f00:1]"),
    registered.replace("http:", "https:"),
    registered.replace(/:\d+/, ":1"),
  ],
  "scripts and documents": () =>
    [
      "javascript:alert(1)",
      "JavaScript:alert(1)",
      "java\tscript:alert(1)",
      "java\nscript:alert(1)",
      "\x01javascript:alert(1)",
      " javascript:alert(1)",
      "javascript://%0aalert(1)",
      "javascript:/*//*/alert(1)",
      "javascript&colon;alert(1)",
      "javascript%3aalert(1)",
      "/javascript:alert(1)",
      "data:text/html,<script>alert(1)</script>",
      "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
      "vbscript:msgbox(1)",
      "blob:https://evil.example/1",
      "filesystem:https://evil.example/1",
      "view-source:https://evil.example",
      "about:blank",
      "chrome://settings",
      "file:///etc/passwd",
      "intent://evil.example#Intent;scheme=https;end",
      "mailto:a@evil.example",
    ],
  "addresses": () =>
    ["192.0.2.1", "3221225985", "0xc0000201", "0300.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]", "192.0.513"].flatMap((host) => [
      `http://${host}/`,
      `//${host}/`,
    ]),
  "letters that look or fold alike": () =>
    ["ｅvil.example", "evil。example", "evil․example", "ⓔvil.example", "еvil.example", "evil.examp\u00adle", "xn--vil-example"].flatMap((host) => [
      `https://${host}`,
      `//${host}`,
    ]),
  "slashes of other alphabets": () => ["／／", "/／", "⁄⁄", "∕∕", "〳〳", "⧸⧸", "＼＼"].map((slashes) => slashes + EVIL),
  "markup": () => [`"><script>location='//${EVIL}'</script>`, `';location='//${EVIL}';//`, `<meta http-equiv=refresh content=0;//${EVIL}>`],
  "twice": (registered) => [`${registered}&redirect_url=https://${EVIL}`, `/&return_to=//${EVIL}`, `/?return_to=//${EVIL}`],
};

/// Every text of every family, once.
function payloads(registered, ours) {
  const all = Object.values(families).flatMap((family) => family(registered, ours));
  return [...new Set(all)].filter((text) => text !== registered);
}

module.exports = { payloads };
