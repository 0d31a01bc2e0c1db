-- What a sanction was imposed by, so that it is imposed once; none: nobody says it again.
-- +goose Up
ALTER TABLE sanctions ADD COLUMN op VARCHAR(80) NULL;
