-- Why an account may not play. ends_at 0 is for ever; lifted_at 0 is not lifted.
-- +goose Up
CREATE TABLE sanctions (
    account   BIGINT       NOT NULL,
    id        BIGINT       NOT NULL,
    reason    VARCHAR(255) NOT NULL,
    author    VARCHAR(64)  NOT NULL,
    starts_at BIGINT       NOT NULL,
    ends_at   BIGINT       NOT NULL,
    lifted_at BIGINT       NOT NULL,
    PRIMARY KEY (account, id)
);
