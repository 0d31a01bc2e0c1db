-- One row a login. family and secret are hashes of the two halves of the newest token; an older token has the family only.
-- +goose Up
CREATE TABLE refresh_tokens (
    family     VARCHAR(64) NOT NULL PRIMARY KEY,
    account    BIGINT      NOT NULL,
    secret     VARCHAR(64) NOT NULL,
    issued_at  BIGINT      NOT NULL,
    expires_at BIGINT      NOT NULL,
    revoked_at BIGINT      NOT NULL
);
