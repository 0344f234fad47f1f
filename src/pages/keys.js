// Security keys: the one script of these pages, for what a page cannot ask a browser for in any other way.
//
// A form with `data-key` holds the question in `data-options` and wants the answer in its field with `data-answer`; everything
// else is forms and links, as on every page. Source: https://www.w3.org/TR/webauthn-2/
(() => {
  "use strict";

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => {
    const binary = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const known = (keys = []) => keys.map((key) => ({ ...key, id: bytes(key.id) }));

  // What the browser is asked, in its own form: bytes where JSON has text.
  const question = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: known(options.excludeCredentials) }),
    ...(options.allowCredentials && { allowCredentials: known(options.allowCredentials) }),
  });

  const answer = ({ id, type, rawId, response }) => {
    const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
    const sent = parts.filter((part) => response[part]).map((part) => [part, text(response[part])]);
    return JSON.stringify({ id, type, rawId: text(rawId), response: Object.fromEntries(sent) });
  };

  const ask = async (form) => {
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    try {
      const publicKey = question(JSON.parse(form.dataset.options));
      const method = form.dataset.key === "create" ? "create" : "get";
      const credential = await navigator.credentials[method]({ publicKey });
      form.querySelector("[data-answer]").value = answer(credential);
    } catch {
      // Refused, too slow, the wrong key, or one that is registered: browsers do not say which.
      failed.hidden = false;
      return;
    }
    form.submit();
  };

  for (const form of document.querySelectorAll("form[data-key]")) {
    if (!window.PublicKeyCredential) continue;
    form.querySelector("[data-unsupported]").hidden = true;
    form.querySelector("[data-supported]").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
})();
