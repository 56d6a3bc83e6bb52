-- Purpose: the settings of the server that large loads feel, as they are in force now.
-- Reads:   pg_settings

SELECT
    given.name,
    current_setting(given.name) AS value,
    given.source,
    given.pending_restart
FROM pg_settings AS given
INNER JOIN
    unnest(
        ARRAY[
            'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem',
            'max_wal_size', 'min_wal_size', 'checkpoint_timeout', 'checkpoint_completion_target',
            'wal_compression', 'wal_buffers', 'full_page_writes', 'fsync', 'synchronous_commit',
            'autovacuum', 'max_parallel_workers_per_gather', 'random_page_cost',
            'effective_io_concurrency', 'jit'
        ]
    ) WITH ORDINALITY AS wanted (name, position)
    ON given.name = wanted.name
ORDER BY wanted.position;
