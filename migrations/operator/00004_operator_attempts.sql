-- Failed logins by hashed name and address, whether or not there is an operator of that name. Forgotten a day after the last one.
-- +goose Up
CREATE TABLE operator_attempts (
    subject      VARCHAR(64) NOT NULL PRIMARY KEY,
    failures     INT         NOT NULL,
    locked_until BIGINT      NOT NULL,
    last_at      BIGINT      NOT NULL
);
