-- Version 4: second factors, and the tickets of logins that wait for one. Adds only.

-- The secret that an app and we share. Codes are computed from it, so it cannot be a digest: the file's mode guards it.
CREATE TABLE totp (
    account      INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret       BLOB NOT NULL,
    confirmed_at INTEGER, -- NULL while its owner has not shown a code of it
    last_step    INTEGER, -- of the newest code that was taken
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
) STRICT;

CREATE TABLE security_key (
    id           BLOB PRIMARY KEY,
    account      INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    credential   BLOB NOT NULL UNIQUE,
    public_key   BLOB NOT NULL, -- a COSE_Key
    sign_count   INTEGER NOT NULL,
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX security_key_of_account ON security_key (account);

-- Digests of codes that were not used yet.
CREATE TABLE recovery_code (
    digest  BLOB PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_code_of_account ON recovery_code (account);

-- A login whose password was right. Opens nothing by itself.
CREATE TABLE ticket (
    digest     BLOB PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_of_account ON ticket (account);
CREATE INDEX ticket_by_end ON ticket (expires_at);
