-- A player's mails. op is the key that the sender gave; applied keeps it when the mail is gone. attachments is a JSON object with what there
-- is to claim, {} when there is nothing. Times are milliseconds; 0 is never, or not yet.
-- +goose Up
CREATE TABLE mails (
    player      BIGINT       NOT NULL,
    id          BIGINT       NOT NULL,
    op          VARCHAR(128) NOT NULL,
    sender      VARCHAR(32)  NOT NULL,
    subject     VARCHAR(64)  NOT NULL,
    body        MEDIUMTEXT   NOT NULL,
    attachments MEDIUMTEXT   NOT NULL,
    created_at  BIGINT       NOT NULL,
    expires_at  BIGINT       NOT NULL,
    read_at     BIGINT       NOT NULL,
    claimed_at  BIGINT       NOT NULL,
    PRIMARY KEY (player, id),
    CHECK (JSON_VALID(attachments))
);
