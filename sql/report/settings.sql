-- Purpose: the settings of the server that large loads feel, as they are in force now.
-- Reads:   pg_settings

SELECT
    setting.name,
    current_setting(setting.name) AS value,
    setting.setting IS DISTINCT FROM setting.boot_val AS is_changed,
    setting.source,
    setting.pending_restart
FROM pg_settings AS setting
INNER JOIN unnest(
    ARRAY[
        'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem',
        'max_wal_size', 'min_wal_size', 'checkpoint_timeout', 'checkpoint_completion_target',
        'wal_compression', 'wal_buffers', 'full_page_writes', 'fsync', 'synchronous_commit',
        'autovacuum', 'max_parallel_workers_per_gather', 'random_page_cost',
        'effective_io_concurrency', 'jit'
    ]
) WITH ORDINALITY AS wanted (name, position)
    ON setting.name = wanted.name
ORDER BY wanted.position;
