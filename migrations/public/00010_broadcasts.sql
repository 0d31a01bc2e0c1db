-- Mails to all. Ids grow with time. op is what named it to whoever sent it; goods is a JSON object.
-- +goose Up
CREATE TABLE broadcasts (
    id         BIGINT       NOT NULL PRIMARY KEY,
    op         VARCHAR(128) NOT NULL,
    area       INT          NOT NULL,
    min_level  INT          NOT NULL,
    max_level  INT          NOT NULL,
    sender     VARCHAR(64)  NOT NULL,
    subject    VARCHAR(191) NOT NULL,
    body       MEDIUMTEXT   NOT NULL,
    goods      MEDIUMTEXT   NOT NULL,
    author     VARCHAR(64)  NOT NULL,
    created_at BIGINT       NOT NULL,
    expires_at BIGINT       NOT NULL,
    CHECK (JSON_VALID(goods))
);
