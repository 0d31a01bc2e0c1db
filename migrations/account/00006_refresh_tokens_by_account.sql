-- Revoking every login of an account.
-- +goose Up
CREATE INDEX refresh_tokens_by_account ON refresh_tokens (account);
