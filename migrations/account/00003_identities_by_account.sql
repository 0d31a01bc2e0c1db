-- How an account can log in; one identity of each kind.
-- +goose Up
CREATE UNIQUE INDEX identities_by_account ON identities (account, kind);
