-- Whether an account agreed to share itself with a client (seed 000). A refusal sets it back.
ALTER TABLE relation ADD COLUMN consented INTEGER NOT NULL DEFAULT 0 CHECK (consented IN (0, 1));
