-- Every transition of every order, append-only. Ids grow with time.
-- +goose Up
CREATE TABLE order_history (
    order_id   BIGINT       NOT NULL,
    id         BIGINT       NOT NULL,
    from_state VARCHAR(16)  NOT NULL,
    to_state   VARCHAR(16)  NOT NULL,
    why        VARCHAR(255) NOT NULL,
    at         BIGINT       NOT NULL,
    PRIMARY KEY (order_id, id)
);
