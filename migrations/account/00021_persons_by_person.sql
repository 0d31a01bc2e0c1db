-- Finds all accounts of one person.
-- +goose Up
CREATE INDEX persons_by_person ON persons (person);
