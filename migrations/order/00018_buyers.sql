-- Players' orders are counted under the lock of their account.
-- +goose Up
DROP TABLE buyers;
