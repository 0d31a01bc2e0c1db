-- What the game's log is still to be told: entries of the ledger and battles, named by what wrote them in the same transaction.
-- seq grows about with time; kind is 'economy' or 'battle', and id the ledger's entry or the match.
-- +goose Up
CREATE TABLE unlogged (
    seq    BIGINT      NOT NULL PRIMARY KEY,
    player BIGINT      NOT NULL,
    kind   VARCHAR(16) NOT NULL,
    id     BIGINT      NOT NULL
);
