// A server that writes down what Node made of each request, and answers what it was asked and by whom.
const fs = require("fs");
const http = require("http");

const [host, port] = process.argv[2].split(":");
const seen = fs.openSync(process.env.SEEN, "a");

http
  .createServer((request, response) => {
    let body = 0;
    request.on("data", (piece) => (body += piece.length));
    request.on("end", () => {
      const line = { method: request.method, target: request.url, fields: request.headers, body };
      fs.writeSync(seen, JSON.stringify(line) + "\n");
      const answer = `${request.method} ${request.url} ${request.headers["x-forwarded-user"] ?? "-"}`;
      response.writeHead(200, { "X-App": "1", "Content-Length": Buffer.byteLength(answer) });
      response.end(answer);
    });
  })
  .listen(port, host);
