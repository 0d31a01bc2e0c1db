-- Who is logged in. token is a hash of what the browser has; csrf is what its forms have to bring.
-- +goose Up
CREATE TABLE operator_sessions (
    token      VARCHAR(64) NOT NULL PRIMARY KEY,
    operator   VARCHAR(32) NOT NULL,
    csrf       VARCHAR(64) NOT NULL,
    seen_at    BIGINT      NOT NULL,
    expires_at BIGINT      NOT NULL
);
