-- Which accounts have ever ordered: the row that is locked while an account's orders are counted and one more is made.
-- +goose Up
CREATE TABLE spenders (
    account BIGINT NOT NULL PRIMARY KEY
);
