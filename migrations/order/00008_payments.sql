-- One row an event that a payment provider has told, whether or not it means anything to us; digest is the SHA-256 of its bytes, which are not
-- kept because they say who the buyer is. processed_at 0 is not processed yet; due_at is when to try, again. outcome is what came of it.
-- +goose Up
CREATE TABLE payments (
    id           BIGINT       NOT NULL PRIMARY KEY,
    provider     VARCHAR(32)  NOT NULL,
    event        VARCHAR(191) NOT NULL,
    type         VARCHAR(64)  NOT NULL,
    says         VARCHAR(16)  NOT NULL,
    order_id     BIGINT       NOT NULL,
    payment      VARCHAR(191) NOT NULL,
    amount       BIGINT       NOT NULL,
    currency     VARCHAR(8)   NOT NULL,
    own_price    INT          NOT NULL,
    digest       VARCHAR(64)  NOT NULL,
    received_at  BIGINT       NOT NULL,
    due_at       BIGINT       NOT NULL,
    attempts     INT          NOT NULL,
    processed_at BIGINT       NOT NULL,
    outcome      VARCHAR(32)  NOT NULL
);
