-- What is still to be done for orders: 'grant' their goods, 'revoke' them, tell of a 'dispute'. A row is deleted when it is done. due_at is when to try;
-- who tries moves it into the future first, and claim counts who did.
-- +goose Up
CREATE TABLE outbox (
    id         BIGINT       NOT NULL PRIMARY KEY,
    order_id   BIGINT       NOT NULL,
    kind       VARCHAR(16)  NOT NULL,
    created_at BIGINT       NOT NULL,
    due_at     BIGINT       NOT NULL,
    claim      INT          NOT NULL,
    failure    VARCHAR(255) NOT NULL
);
