-- Imposing a sanction once.
-- +goose Up
CREATE UNIQUE INDEX sanctions_by_op ON sanctions (account, op);
