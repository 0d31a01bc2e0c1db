-- Who was active on which UTC day, kept for longer than the events that it was made from.
-- +goose Up
CREATE TABLE activity (
    app    VARCHAR(32) NOT NULL,
    day    INT         NOT NULL,
    player VARCHAR(64) NOT NULL,
    PRIMARY KEY (app, day, player)
);
