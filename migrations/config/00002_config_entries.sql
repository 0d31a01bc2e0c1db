-- What is published now: the text of a key in an area, 0 for all; version is the publication that last changed it.
-- locks: whoever publishes locks the centre's row in fences first.
-- +goose Up
CREATE TABLE config_entries (
    name    VARCHAR(96) NOT NULL,
    area    INT         NOT NULL,
    value   MEDIUMTEXT  NOT NULL,
    version BIGINT      NOT NULL,
    PRIMARY KEY (name, area)
);
