-- Links that make an operator, each once. token is a hash. The row named "first" is the one that the first start prints; the others are named by their token.
-- +goose Up
CREATE TABLE operator_invitations (
    name        VARCHAR(64) NOT NULL PRIMARY KEY,
    token       VARCHAR(64) NOT NULL,
    role        VARCHAR(16) NOT NULL,
    totp_secret VARCHAR(64) NOT NULL,
    expires_at  BIGINT      NOT NULL
);
