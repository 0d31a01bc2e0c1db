-- What operators have had the console do by itself, by what it was asked for under, so that a form that is sent twice does it once. Forgotten when no session can send it again.
-- +goose Up
CREATE TABLE operator_deeds (
    deed    VARCHAR(64) NOT NULL PRIMARY KEY,
    done_at BIGINT      NOT NULL
);
