// A real OpenID provider (npm oidc-provider) on a port of this machine, with one client. Anybody may log in as anybody;
// their name is their login in capitals. Says "ready" when it is.
// usage: node provider.mjs JSON, with {modules, issuer, client: {…}, tls: {certificate, key} or null}
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { pathToFileURL } from "node:url";

const { modules, issuer, client, tls } = JSON.parse(process.argv[2]);
const require = createRequire(`${modules}/`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const keys = [
  generateKeyPairSync("rsa", { modulusLength: 2048 }),
  generateKeyPairSync("ec", { namedCurve: "P-256" }),
].map((pair) => ({ ...pair.privateKey.export({ format: "jwk" }), use: "sig" }));

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [client],
  clientAuthMethods: [client.token_endpoint_auth_method],
  claims: { openid: ["sub"], profile: ["name"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id.toUpperCase() }),
  }),
  pkce: { required: () => true },
  cookies: { keys: ["test"] },
});
const server = tls
  ? https.createServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, provider.callback())
  : http.createServer(provider.callback());
server.listen(Number(new URL(issuer).port), "127.0.0.1", () => console.log("ready"));
