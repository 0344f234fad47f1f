"""A WSGI app that writes down what its server made of each request, and answers what it was asked and by whom."""

import json
import os

SEEN = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    fields = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]
    line = {"method": environ["REQUEST_METHOD"], "target": target, "fields": fields, "body": len(body)}
    os.write(SEEN, json.dumps(line).encode() + b"\n")
    user = environ.get("HTTP_X_FORWARDED_USER", "-")
    answer = f"{environ['REQUEST_METHOD']} {target} {user}".encode("latin-1", "replace")
    start_response("200 OK", [("X-App", "1"), ("Content-Length", str(len(answer)))])
    return [answer]


if __name__ == "__main__":
    import sys

    import waitress

    host, port = sys.argv[1].split(":")
    waitress.serve(app, host=host, port=int(port), threads=2)
