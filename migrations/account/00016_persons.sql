-- Who is known to stand behind an account: what a registry has vouched for, and neither name nor number. born is a date, as 20080131; reference is
-- what the registry calls its answer.
-- +goose Up
CREATE TABLE persons (
    account     BIGINT       NOT NULL PRIMARY KEY,
    born        INT          NOT NULL,
    registry    VARCHAR(32)  NOT NULL,
    reference   VARCHAR(128) NOT NULL,
    verified_at BIGINT       NOT NULL
);
