-- Of players who differ in case only, the first has the name; the others keep theirs, and it is not compared. SQLite lowers ASCII letters only: other names are compared
-- as they are until they are taken anew.
-- +goose Up
UPDATE players SET name_key = LOWER(name)
WHERE id IN (SELECT holder FROM (SELECT MIN(id) AS holder FROM players GROUP BY origin, LOWER(name)) AS holders);
