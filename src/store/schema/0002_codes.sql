-- Version 2: verification codes, what is counted of them, and connections. Adds only, so that a process that knows
-- version 1 alone and has the file open goes on.

-- The newest code of a session.
CREATE TABLE code (
    session    INTEGER PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    digest     BLOB NOT NULL,
    wrong      INTEGER NOT NULL, -- wrong tries while it was good
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX code_by_end ON code (expires_at);

-- What an account may do only so often.
CREATE TABLE attempt (
    number  INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('mail', 'wrong')),
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX attempt_of_account ON attempt (account, kind, at);
CREATE INDEX attempt_by_time ON attempt (at);

CREATE TABLE connection (
    id               BLOB PRIMARY KEY,
    account          INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    provider         TEXT NOT NULL,
    provider_user_id TEXT NOT NULL,
    name             TEXT,
    linked_at        INTEGER NOT NULL,
    UNIQUE (provider, provider_user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX connection_of_account ON connection (account);
