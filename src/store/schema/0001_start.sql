-- Version 1. Times are milliseconds since 1970-01-01T00:00:00Z. Lists are words with one space between them.
-- Rows refer to each other by small numbers, so that a token costs few bytes and a lookup few pages.

CREATE TABLE account (
    number        INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    email         TEXT,
    pending_email TEXT,
    username      TEXT,
    name          TEXT,
    role          TEXT NOT NULL,
    groups        TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('full', 'shadow')),
    status        TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    password      TEXT,
    created_at    INTEGER NOT NULL
) STRICT;

-- Every text that finds an account at a login, in canonical form: addresses, confirmed or pending, and login names.
CREATE TABLE login (
    identifier TEXT PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX login_of_account ON login (account);

-- Mailed links. A confirmation has an account, an invitation a canonical address and a role.
CREATE TABLE link (
    digest     BLOB PRIMARY KEY,
    account    INTEGER REFERENCES account ON DELETE CASCADE,
    invited    TEXT,
    email      TEXT NOT NULL,
    role       TEXT,
    expires_at INTEGER NOT NULL,
    CHECK ((account IS NULL) = (invited IS NOT NULL) AND (invited IS NULL) = (role IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX link_of_account ON link (account);
CREATE INDEX link_of_invited ON link (invited);
CREATE INDEX link_by_end ON link (expires_at);

CREATE TABLE client (
    number        INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    redirect_urls TEXT NOT NULL, -- a JSON array
    handoff       TEXT NOT NULL CHECK (handoff IN ('token', 'code')),
    created_at    INTEGER NOT NULL
) STRICT;

-- Whether an account signed in to a client, and whether it refuses it.
CREATE TABLE relation (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    client  INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,
    known   INTEGER NOT NULL CHECK (known IN (0, 1)),
    refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
    PRIMARY KEY (account, client)
) STRICT, WITHOUT ROWID;

CREATE INDEX relation_of_client ON relation (client);

CREATE TABLE session (
    number       INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE,
    account      INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    client       INTEGER REFERENCES client ON DELETE CASCADE,
    dialect      TEXT NOT NULL,
    label        TEXT,
    scopes       TEXT NOT NULL,
    remote_ip    TEXT,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER
) STRICT;

CREATE INDEX session_of_account ON session (account);
CREATE INDEX session_of_client ON session (client) WHERE client IS NOT NULL;
CREATE INDEX session_by_end ON session (expires_at) WHERE expires_at IS NOT NULL;

-- Digests of tokens, never tokens. A refresh token that was used keeps what its first use was answered with.
CREATE TABLE token (
    digest               BLOB PRIMARY KEY,
    session              INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
    kind                 INTEGER NOT NULL, -- the place in TokenKind::ALL
    id                   BLOB,
    issued_at            INTEGER NOT NULL,
    expires_at           INTEGER,
    nonce                BLOB,
    replay_until         INTEGER,
    successor_issued_at  INTEGER,
    successor_expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX token_of_session ON token (session);
CREATE INDEX token_by_end ON token (expires_at) WHERE expires_at IS NOT NULL;

-- The change feed. AUTOINCREMENT, so that a number never comes back after old entries are forgotten.
CREATE TABLE change (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('account', 'session', 'client', 'signing-keys')),
    subject  TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    result   TEXT NOT NULL,
    reason   TEXT,
    user     TEXT,
    object   TEXT,
    ip       TEXT,
    actor    TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at);

CREATE TABLE signing_key (
    id         TEXT PRIMARY KEY,
    pkcs8      BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mail (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    subject   TEXT NOT NULL,
    text      TEXT NOT NULL,
    html      TEXT NOT NULL,
    tries     INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX mail_by_due ON mail (due_at);
