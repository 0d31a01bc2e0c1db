-- When a login began; 0: before this was noted.
-- +goose Up
ALTER TABLE refresh_tokens ADD COLUMN began_at BIGINT NOT NULL DEFAULT 0;
