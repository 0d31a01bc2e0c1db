-- The result of each change under its idempotency key.
-- +goose Up
CREATE TABLE applied (
    player     BIGINT       NOT NULL,
    op         VARCHAR(128) NOT NULL,
    result     MEDIUMTEXT   NOT NULL,
    applied_at BIGINT       NOT NULL,
    PRIMARY KEY (player, op),
    CHECK (JSON_VALID(result))
);
