-- When what is known of a player was erased; 0: it was not. He cannot be loaded any more, and his name is another's to take.
-- +goose Up
ALTER TABLE players ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
