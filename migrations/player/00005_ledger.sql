-- Why: each change of a wallet or an item has legs that sum to zero for each asset, under the player whose change it is.
-- holder is 'player' or a system account, such as 'system:reward'; asset is a currency, or 'item:7'.
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
