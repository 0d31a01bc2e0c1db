-- What has just been ended.
-- +goose Up
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (revoked_at);
