-- What operators have set out to do, each recorded before it is done. Rows are only added: the database's user needs neither UPDATE nor DELETE here.
-- +goose Up
CREATE TABLE audit (
    id          BIGINT       NOT NULL PRIMARY KEY,
    operator    VARCHAR(32)  NOT NULL,
    address     VARCHAR(64)  NOT NULL,
    act         VARCHAR(64)  NOT NULL,
    target      VARCHAR(191) NOT NULL,
    args        MEDIUMTEXT   NOT NULL,
    reason      VARCHAR(500) NOT NULL,
    before_json MEDIUMTEXT   NOT NULL,
    began_at    BIGINT       NOT NULL,
    CHECK (JSON_VALID(args)),
    CHECK (JSON_VALID(before_json))
);
