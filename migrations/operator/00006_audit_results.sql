-- What came of them, one row each, added once it is known. An entry without one has an unknown outcome.
-- +goose Up
CREATE TABLE audit_results (
    id          BIGINT       NOT NULL PRIMARY KEY,
    outcome     VARCHAR(16)  NOT NULL,
    error       VARCHAR(500) NOT NULL,
    result      MEDIUMTEXT   NOT NULL,
    after_json  MEDIUMTEXT   NOT NULL,
    ended_at    BIGINT       NOT NULL,
    CHECK (JSON_VALID(result)),
    CHECK (JSON_VALID(after_json))
);
