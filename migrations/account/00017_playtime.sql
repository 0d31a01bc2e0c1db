-- How long accounts whose time is limited have played on a day, as 20260131. watched is 1 while such an account may be in the game: from its login until
-- it is seen no more. counted_at is up to when played_ms has been counted, login_at when it came last, and area where.
-- +goose Up
CREATE TABLE playtime (
    account    BIGINT NOT NULL PRIMARY KEY,
    area       INT    NOT NULL,
    day        BIGINT NOT NULL,
    played_ms  BIGINT NOT NULL,
    counted_at BIGINT NOT NULL,
    login_at   BIGINT NOT NULL,
    watched    INT    NOT NULL
);
