-- One row an order: who buys what for how much, and how far it has come. price is in minor units; goods is a JSON object of what is granted, and
-- debt of what could not be taken back. checkout is the provider's id of the payment to ask it by, payment the one by which its later events name it.
-- secret opens the sandbox's page. The times from paid_at on are facts that stay, 0 while they are none. locks: every transaction on an order
-- locks this row first.
-- +goose Up
CREATE TABLE orders (
    id          BIGINT       NOT NULL PRIMARY KEY,
    player      BIGINT       NOT NULL,
    account     BIGINT       NOT NULL,
    area        INT          NOT NULL,
    product     VARCHAR(64)  NOT NULL,
    title       VARCHAR(128) NOT NULL,
    price       BIGINT       NOT NULL,
    currency    VARCHAR(8)   NOT NULL,
    goods       MEDIUMTEXT   NOT NULL,
    provider    VARCHAR(32)  NOT NULL,
    checkout    VARCHAR(191) NOT NULL,
    payment     VARCHAR(191) NOT NULL,
    pay_url     MEDIUMTEXT   NOT NULL,
    secret      VARCHAR(64)  NOT NULL,
    state       VARCHAR(16)  NOT NULL,
    version     BIGINT       NOT NULL,
    created_at  BIGINT       NOT NULL,
    updated_at  BIGINT       NOT NULL,
    expires_at  BIGINT       NOT NULL,
    checked_at  BIGINT       NOT NULL,
    paid_at     BIGINT       NOT NULL,
    granted_at  BIGINT       NOT NULL,
    refunded_at BIGINT       NOT NULL,
    disputed_at BIGINT       NOT NULL,
    cleared_at  BIGINT       NOT NULL,
    debt        MEDIUMTEXT   NOT NULL,
    CHECK (JSON_VALID(goods)),
    CHECK (JSON_VALID(debt)),
    CHECK (price > 0)
);
