"""Asks once with Python's requests and prints the body, a line break and the status.

usage: requests_client.py URL [basic KEY TOKEN | bearer TOKEN | bare TOKEN | x-auth TOKEN]
"""
import sys

import requests

url, *form = sys.argv[1:]
auth, headers = None, {}
match form:
    case ["basic", key, token]:
        auth = (key, token)
    case ["bearer", token]:
        headers["Authorization"] = f"Bearer {token}"
    case ["bare", token]:
        headers["Authorization"] = token
    case ["x-auth", token]:
        headers["X-Auth"] = token
answer = requests.get(url, auth=auth, headers=headers, timeout=20)
print(answer.text)
print(answer.status_code)
