-- Every change of every publication, never changed: what a key had from that version on; removed is 1 when it had nothing. A publication without a
-- change has one row, with an empty name.
-- +goose Up
CREATE TABLE config_history (
    version BIGINT       NOT NULL,
    name    VARCHAR(96)  NOT NULL,
    area    INT          NOT NULL,
    value   MEDIUMTEXT   NOT NULL,
    removed INT          NOT NULL,
    author  VARCHAR(64)  NOT NULL,
    reason  VARCHAR(500) NOT NULL,
    at      BIGINT       NOT NULL,
    PRIMARY KEY (version, name, area)
);
