-- Why a player has what he has: each change has two legs for each asset, which sum to zero,
-- under the player whose change it is.
-- holder is 'player' or a system account, such as 'system:reward'; asset is a currency, or 'item:shield'.
-- +goose Up
CREATE TABLE ledger (
    player BIGINT       NOT NULL,
    entry  BIGINT       NOT NULL,
    leg    INT          NOT NULL,
    op     VARCHAR(128) NOT NULL,
    holder VARCHAR(64)  NOT NULL,
    asset  VARCHAR(40)  NOT NULL,
    amount BIGINT       NOT NULL,
    reason VARCHAR(64)  NOT NULL,
    at     BIGINT       NOT NULL,
    PRIMARY KEY (player, entry, leg)
);
