-- A way to log in to an account. subject is the lower-cased name, the hash of the device, or the external user;
-- secret is the PHC string of a password, else empty.
-- +goose Up
CREATE TABLE identities (
    kind       VARCHAR(16)  NOT NULL,
    subject    VARCHAR(128) NOT NULL,
    account    BIGINT       NOT NULL,
    display    VARCHAR(64)  NOT NULL,
    secret     VARCHAR(255) NOT NULL,
    created_at BIGINT       NOT NULL,
    PRIMARY KEY (kind, subject)
);
