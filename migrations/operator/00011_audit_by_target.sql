-- The acts on one player, node or setting, the newest first.
-- +goose Up
CREATE INDEX audit_by_target ON audit (target, id);
