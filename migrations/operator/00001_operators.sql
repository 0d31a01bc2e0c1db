-- Those who may use the console. password is an argon2id hash; totp_secret is what the one-time codes are made of, and totp_step the newest that was used.
-- A name is never used again: the audit names operators by it. disabled_at is 0 while he may log in.
-- +goose Up
CREATE TABLE operators (
    name        VARCHAR(32)  NOT NULL PRIMARY KEY,
    role        VARCHAR(16)  NOT NULL,
    password    VARCHAR(255) NOT NULL,
    totp_secret VARCHAR(64)  NOT NULL,
    totp_step   BIGINT       NOT NULL,
    created_at  BIGINT       NOT NULL,
    disabled_at BIGINT       NOT NULL
);
