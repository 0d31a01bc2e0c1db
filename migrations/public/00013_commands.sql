-- What operators have commanded, each recorded before it is done. ended_at is 0 until it has ended, with a code, 0 being success; args and result are JSON.
-- +goose Up
CREATE TABLE commands (
    id         VARCHAR(64)  NOT NULL PRIMARY KEY,
    name       VARCHAR(64)  NOT NULL,
    args       MEDIUMTEXT   NOT NULL,
    author     VARCHAR(64)  NOT NULL,
    reason     VARCHAR(500) NOT NULL,
    started_at BIGINT       NOT NULL,
    ended_at   BIGINT       NOT NULL,
    code       INT          NOT NULL,
    error      VARCHAR(500) NOT NULL,
    result     MEDIUMTEXT   NOT NULL,
    CHECK (JSON_VALID(args)),
    CHECK (JSON_VALID(result))
);
