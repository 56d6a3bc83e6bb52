-- Purpose: what stands in the columns of the views of ops.
-- Writes:  comments on their columns
-- Re-run:  safe; comments are replaced by the same text.

COMMENT ON COLUMN ops.v_running.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.v_running.kind IS 'load, transform or refresh.';
COMMENT ON COLUMN ops.v_running.mode IS 'As in ops.runs.';
COMMENT ON COLUMN ops.v_running.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.v_running.is_alive IS 'FALSE: it was killed.';
COMMENT ON COLUMN ops.v_running.refreshed_by IS 'The refresh that it is a part of; NULL: none.';

COMMENT ON COLUMN ops.v_runs.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.v_runs.kind IS 'load, transform or refresh.';
COMMENT ON COLUMN ops.v_runs.mode IS 'As in ops.runs.';
COMMENT ON COLUMN ops.v_runs.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.v_runs.exit_code IS 'As the command ended; NULL: it did not end by itself.';
COMMENT ON COLUMN ops.v_runs.started_at IS 'When it began.';
COMMENT ON COLUMN ops.v_runs.finished_at IS 'NULL: it has not ended, or was killed.';
COMMENT ON COLUMN ops.v_runs.inserted IS 'Of a transform: new entities.';
COMMENT ON COLUMN ops.v_runs.updated IS 'Of a transform: changed entities.';
COMMENT ON COLUMN ops.v_runs.wal_bytes IS 'Of a transform: WAL of the whole server meanwhile.';
COMMENT ON COLUMN ops.v_runs.requests IS 'Of a load: HTTP requests, retries included.';
COMMENT ON COLUMN ops.v_runs.rate IS 'Of a load: requests a second.';
COMMENT ON COLUMN ops.v_runs.rate_limit IS 'Of a load: requests a second that were allowed.';
COMMENT ON COLUMN ops.v_runs.rate_share IS 'Of a load: rate as a share of rate_limit.';
COMMENT ON COLUMN ops.v_runs.refreshed_by IS 'The refresh that it was a part of; NULL: none.';
COMMENT ON COLUMN ops.v_runs.message IS 'What the error said.';

COMMENT ON COLUMN ops.v_steps.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.v_steps.file IS 'Name of the file, without .sql.';
COMMENT ON COLUMN ops.v_steps.seconds IS 'How long it took.';
COMMENT ON COLUMN ops.v_steps.inserted IS 'Rows written in the schemas amo and mart.';
COMMENT ON COLUMN ops.v_steps.updated IS 'As inserted.';
COMMENT ON COLUMN ops.v_steps.deleted IS 'As inserted.';
COMMENT ON COLUMN ops.v_steps.rejected IS 'Rows written to ops.rejects.';
COMMENT ON COLUMN ops.v_steps.wal_bytes IS 'WAL of the whole server meanwhile.';

COMMENT ON COLUMN ops.v_sizes.schema IS 'Of the table.';
COMMENT ON COLUMN ops.v_sizes.name IS 'Of the table.';
COMMENT ON COLUMN ops.v_sizes.bytes IS 'With its indexes and TOAST.';

COMMENT ON COLUMN ops.v_stream_details.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.v_stream_details.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.v_stream_details.message IS 'Why it failed or was skipped.';
COMMENT ON COLUMN ops.v_stream_details.mode IS 'Of that load: full or incremental.';
COMMENT ON COLUMN ops.v_stream_details.age IS 'Since last_success.';
COMMENT ON COLUMN ops.v_stream_details.last_attempt IS 'When that load ended with it, or began.';
COMMENT ON COLUMN ops.v_stream_details.pages IS 'Pages of that load.';
COMMENT ON COLUMN ops.v_stream_details.requests IS 'HTTP requests of that load for it.';
COMMENT ON COLUMN ops.v_stream_details.updated IS 'As inserted.';
COMMENT ON COLUMN ops.v_stream_details.deleted IS 'As inserted.';
COMMENT ON COLUMN ops.v_stream_details.watermark IS 'How far it was read, as in ops.watermarks.';
COMMENT ON COLUMN ops.v_stream_details.rate_limit IS 'Requests a second that were allowed.';
COMMENT ON COLUMN ops.v_stream_details.rate_share IS 'Rate as a share of rate_limit.';
COMMENT ON COLUMN ops.v_stream_details.position IS 'Order in which streams are read.';

COMMENT ON COLUMN ops.v_status.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.v_status.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.v_status.rejects IS 'Values in ops.rejects now.';
COMMENT ON COLUMN ops.v_status.message IS 'Why it failed or was skipped.';

COMMENT ON COLUMN ops.v_progress.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.v_progress.kind IS 'load, transform, refresh or stream.';
COMMENT ON COLUMN ops.v_progress.elapsed IS 'Since it began, or was continued.';

COMMENT ON COLUMN ops.known_keys.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.known_keys.keys IS 'Keys at the top of its documents that are read.';

COMMENT ON COLUMN ops.document_keys.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.document_keys.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.document_keys.first_seen IS 'When a transform first met it.';
COMMENT ON COLUMN ops.document_keys.last_seen IS 'When a transform last met it.';

COMMENT ON COLUMN ops.v_drift.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.v_drift.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.v_drift.key IS 'Its first 200 characters.';
COMMENT ON COLUMN ops.v_drift.first_seen IS 'When a transform first met it.';
COMMENT ON COLUMN ops.v_drift.last_seen IS 'When a transform last met it.';
COMMENT ON COLUMN ops.v_drift.example_id IS 'Id of one of them in amo.documents.';

COMMENT ON COLUMN ops.v_rejects.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.v_rejects.path IS 'Where it stood in the document, for example price.';
COMMENT ON COLUMN ops.v_rejects.rejects IS 'How many such values there are.';
COMMENT ON COLUMN ops.v_rejects.last_seen IS 'When the newest of them was written.';

COMMENT ON COLUMN ops.tuning_holds.journal_id IS 'Of ops.tuning_journal.';
COMMENT ON COLUMN ops.tuning_holds.key IS 'Second key of a run''s lock; 0 is bin/tune apply.';
COMMENT ON COLUMN ops.tuning_holds.pid IS 'Backend of the run; NULL: held until the deadline.';
COMMENT ON COLUMN ops.tuning_holds.deadline IS 'After that it does not count any more.';
COMMENT ON COLUMN ops.tuning_holds.is_overdue IS 'The deadline is over.';
COMMENT ON COLUMN ops.tuning_holds.is_alive IS 'It still counts.';

COMMENT ON COLUMN ops.tuning_targets.relid IS 'The table.';
COMMENT ON COLUMN ops.tuning_targets.object IS 'The same as schema.table.';
COMMENT ON COLUMN ops.tuning_targets.name IS 'The same without the schema.';
COMMENT ON COLUMN ops.tuning_targets.autovacuum_enabled IS
'The option as it was typed; NULL: not set.';
COMMENT ON COLUMN ops.tuning_targets.toast_autovacuum_enabled IS 'The same of its TOAST table.';
COMMENT ON COLUMN ops.tuning_targets.estimated_rows IS
'As the last VACUUM or ANALYZE counted them.';
COMMENT ON COLUMN ops.tuning_targets.wraparound IS 'How near a forced vacuum is; 1 is there.';
COMMENT ON COLUMN ops.tuning_targets.is_owned IS 'This role may change it.';
