-- Version 5: addresses that accounts gave and have not proved. Adds only.

-- A pending address, in canonical form, that is not in `login`: it finds its account at a login when whoever has the
-- address for itself, if anybody does, is not who logs in.
ALTER TABLE account ADD COLUMN unproved TEXT;

CREATE INDEX account_by_unproved ON account (unproved) WHERE unproved IS NOT NULL;
