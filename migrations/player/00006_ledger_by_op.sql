-- A change is in the ledger once.
-- +goose Up
CREATE UNIQUE INDEX ledger_by_op ON ledger (player, op, leg);
