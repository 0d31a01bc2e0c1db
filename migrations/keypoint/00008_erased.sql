-- Players who were erased: what still comes of them is stored without its fields.
-- +goose Up
CREATE TABLE erased (
    player VARCHAR(64) NOT NULL PRIMARY KEY
);
