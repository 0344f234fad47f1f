"""A real mail server (aiosmtpd) on a port of this machine. Says "ready", then a line of JSON for each mail that it takes, as
Python's own parser understands it, and for each that it refuses.

usage: smtp_server.py JSON, with {port, tls: "none" | "starttls" | "implicit", certificate, key, user, password, replies}
Each of `replies` is the answer to one mail's content, "" for taking it; afterwards every mail is taken. An answer that begins
with "rcpt " is that to the recipient instead.
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

config = json.loads(sys.argv[1])
replies = list(config["replies"])


def say(line):
    print(json.dumps(line), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if replies and replies[0].startswith("rcpt "):
            reply = replies.pop(0).removeprefix("rcpt ")
            say({"refused": reply})
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        reply = replies.pop(0) if replies else ""
        if reply:
            say({"refused": reply})
            return reply
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": sorted(name.lower() for name in mail.keys()),
            "subject": mail["Subject"],
            "header_to": mail["To"],
            "type": mail.get_content_type(),
            "parts": [[part.get_content_type(), part.get_content()] for part in mail.iter_parts()],
            "defects": [str(it) for part in mail.walk() for it in part.defects],
            "is_tls": session.ssl is not None or config["tls"] == "implicit",
            "user": session.auth_data.login.decode() if session.auth_data else None,
        })
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (config["user"].encode(), config["password"].encode())
    return AuthResult(success=is_right, auth_data=data if is_right else None)


async def main():
    tls = None
    if config["tls"] != "none":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(config["certificate"], config["key"])
    is_starttls = config["tls"] == "starttls"
    has_password = config["user"] is not None

    def connection():
        return SMTP(
            Handler(),
            tls_context=tls if is_starttls else None,
            require_starttls=is_starttls,
            auth_required=has_password,
            auth_require_tls=is_starttls,
            authenticator=authenticate if has_password else None,
        )

    implicit = tls if config["tls"] == "implicit" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", config["port"], ssl=implicit)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
