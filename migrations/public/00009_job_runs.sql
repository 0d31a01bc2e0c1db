-- Every run of every job in an area. outcome is "running" until it has ended; what a leader has left so is gone on with by the next one.
-- +goose Up
CREATE TABLE job_runs (
    job          VARCHAR(64)  NOT NULL,
    area         INT          NOT NULL,
    scheduled_at BIGINT       NOT NULL,
    started_at   BIGINT       NOT NULL,
    ended_at     BIGINT       NOT NULL,
    outcome      VARCHAR(16)  NOT NULL,
    error        VARCHAR(500) NOT NULL,
    PRIMARY KEY (job, area, scheduled_at)
);
