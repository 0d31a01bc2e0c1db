-- Every event once, by the id that its client made; app is the write key that it came with. at is when it happened, by the client's clock put right
-- by skew; day is the UTC day of it, counted from 1970. fields is a JSON object, checked against the event's declaration.
-- +goose Up
CREATE TABLE events (
    app      VARCHAR(32) NOT NULL,
    id       VARCHAR(36) NOT NULL,
    name     VARCHAR(32) NOT NULL,
    player   VARCHAR(64) NOT NULL,
    day      INT         NOT NULL,
    at       BIGINT      NOT NULL,
    skew     BIGINT      NOT NULL,
    received BIGINT      NOT NULL,
    fields   MEDIUMTEXT  NOT NULL,
    PRIMARY KEY (app, id),
    CHECK (JSON_VALID(fields))
);
