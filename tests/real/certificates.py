"""Makes an authority and a certificate of its for localhost and 127.0.0.1 in DIRECTORY: ca.pem, server.pem, server.key.

usage: certificates.py DIRECTORY
"""

import sys
from pathlib import Path

import trustme

directory = Path(sys.argv[1])
authority = trustme.CA()
server = authority.issue_cert("localhost", "127.0.0.1")
authority.cert_pem.write_to_path(directory / "ca.pem")
server.private_key_pem.write_to_path(directory / "server.key")
for part in server.cert_chain_pems:
    part.write_to_path(directory / "server.pem", append=True)
