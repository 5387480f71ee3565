// Error codes of journal and wire, and of the collector.
import { entry } from './entry.ts';

export const COLLECTOR_ERRORS = {
  // common/journal, common/wire
  journal_full: entry(
    507,
    'The disk or the bound of the journal leaves no room for another entry.',
    'Free room on the disk or raise the bound; nothing acknowledged was lost, and what was refused will be sent again.',
  ),
  journal_damaged: entry(
    500,
    'The journal file is not what it was written as.',
    'Check the disk; move the file away to start a new journal, and keep it: it holds evidence.',
  ),
  batch_unreadable: entry(
    400,
    'A batch does not have the form it says it has.',
    'The bytes are kept in quarantine; check that agent and collector are of fitting versions.',
  ),
  batch_too_large: entry(
    500,
    'Polls do not fit into a batch.',
    'The device has tables beyond every bound; see its last poll, and report it.',
  ),
  // collector: ingest, project, api
  batch_damaged: entry(
    400,
    'A batch arrived with another SHA-256 than its header says.',
    'Send it again; if it happens often, something between agent and collector changes bodies.',
  ),
  batch_mislabelled: entry(
    400,
    'Agent, incarnation or sequence inside a batch differ from the headers of its request.',
    'The bytes are kept in quarantine; check that nothing rewrites headers between agent and collector.',
  ),
  batch_conflict: entry(
    409,
    'A batch came under a sequence that is held with another content.',
    'The bytes are kept in quarantine; see whether a spool was restored from a copy: a copy must start as a new spool.',
  ),
  batch_not_applied: entry(
    500,
    'A batch could be read, but a projection fails on it again and again.',
    'The bytes are kept in quarantine with the reason; please report it.',
  ),
  lines_unreadable: entry(
    400,
    'Points came in a form that is not line protocol.',
    'The message names the first line and what is wrong with it; nothing was kept.',
  ),
  lines_partly_unreadable: entry(
    422,
    'Some lines of a write are not line protocol.',
    'The message names the first of them; the other points were kept, do not send them again.',
  ),
  encoding_unsupported: entry(
    415,
    'A body has a content-encoding that is not read here.',
    'Send it plain or with gzip, or with another that the message names: zstd is read where the collector runs on Node.js 22.15 or later.',
  ),
  encoding_broken: entry(
    400,
    'A body cannot be unpacked by the content-encoding that its header names.',
    'Check that nothing between sender and collector packs or unpacks bodies without changing the header; nothing was kept.',
  ),
  device_exists: entry(
    409,
    'A device was to be made under a name that is taken.',
    'Replace the device that has the name, or choose another.',
  ),
  device_changed: entry(
    409,
    'A device was to be changed under a version that is not its last.',
    'Read it again and make the change anew: somebody else has changed it.',
  ),
  device_of_file: entry(
    409,
    'A device of the configuration file was to be changed by API.',
    'Change the file and send SIGHUP; labels may be set by API for any device.',
  ),
  projection_busy: entry(
    503,
    'A projection is at a chunk that lasts, so that what was asked of it waits.',
    'It takes effect after the chunk; health and /metrics say how long that has lasted.',
  ),
  entries_missed: entry(
    410,
    'Batches were gone from the journal before a projection had applied them.',
    'The log line names projection and positions. Of the store: graphs lack them, bills do not; a backup of its file that is younger fills them. Of readings or faults: the database is older than the journal reaches; restore a younger backup, or have the bill run accept the gap. A longer collector.journal.keep_hours and keep_bytes reach further back.',
  ),
  replay_too_old: entry(
    409,
    'A projection was to go back to what its journal has no longer.',
    'Begin at the position that the message names; collector.journal.keep_hours and keep_bytes say how much is kept.',
  ),
  retry_failed: entry(
    409,
    'A batch in quarantine failed again.',
    'The message is the new reason; the batch is kept as before.',
  ),
  query_not_understood: entry(
    400,
    'A query is no PromQL, or PromQL that is not understood here.',
    'The message names the words at fault; docs/promql.md says what is understood.',
  ),
  query_too_large: entry(
    422,
    'A query would need more series or steps, or more work of its regular expressions, than one answer may.',
    'Narrow it by labels, ask for a longer step, or write a simpler expression.',
  ),
  device_not_assigned: entry(
    403,
    'A batch has polls of a device that is not assigned to its agent.',
    'Correct devices[].agent in the configuration of agent or collector; the agent keeps the batch until then.',
  ),
  agent_mismatch: entry(
    403,
    'The token of an agent was used under another agent name.',
    'Give each agent its own token, made for its name.',
  ),
  agent_superseded: entry(
    409,
    'A batch was made after a newer spool of the same agent name had reported.',
    'Run one agent under one name, or give each its own. What the older spool had gathered before is taken; what it gathers now stays in it.',
  ),
  cross_site: entry(
    403,
    'A page of another site tried to change something with the session of this one.',
    'Open the page of Weir itself; a program sends "authorization: Bearer TOKEN" instead of the cookie.',
  ),
  bridge_unreachable: entry(
    502,
    'The billing bridge does not answer.',
    'Check that it runs, and collector.bridge_url.',
  ),
  // collector/store
  metric_unknown: entry(
    400,
    'There is no metric of that name, or it cannot be asked for in that way.',
    'detail.metrics and detail.functions name what there is.',
  ),
  series_too_long: entry(
    400,
    'A series would have more points than one answer may, or its span is empty.',
    'Ask for a shorter span or a longer step.',
  ),
  store_damaged: entry(
    500,
    'The file of the metric store is not what it was written as.',
    'Check the disk; move the file away and restart: a new one is filled from what the journal still has. Bills do not rest on it.',
  ),
  store_log_torn: entry(
    500,
    'The log of the metric store contradicts its checksums. It was set aside, and the store opened at its last checkpoint.',
    'Check the disk. What the log held is applied again from the journal, nothing else is to be done; batches gone from the journal meanwhile are told as entries_missed. The log line names the file, which may be deleted.',
  ),
  store_too_new: entry(
    500,
    'A newer version wrote the file of the metric store.',
    'Start that version again, or move the file and its .wal away: a new one is filled from what the journal still has. Bills do not rest on it.',
  ),
  store_full: entry(
    507,
    'The disk leaves the metric store no room.',
    'Free room or shorten collector.store retention; the journal keeps what is not stored yet.',
  ),
  store_unavailable: entry(
    503,
    'The metric store cannot read or write its file at the moment.',
    'It is tried again by itself; the log has the reason.',
  ),
  store_refused: entry(
    502,
    'The server of the metric store refuses a request that is not at fault itself.',
    'See collector.store.influxdb: address, version, database or bucket, token. It is tried again by itself; the journal keeps what is not stored yet.',
  ),
  store_reads_unsupported: entry(
    501,
    'The metric store is a server that is only written to.',
    'Ask the server itself: VictoriaMetrics has no InfluxQL; graphs, KPIs and rankings of Weir need duckdb or InfluxDB.',
  ),
  // collector/faults
  alarm_of_poll: entry(
    409,
    'Another system tried to change of an alarm what the resource itself says: Weir found that alarm by polling.',
    'Acknowledge, comment or group it; severity and state follow the resource. detail.attribute names what was refused.',
  ),
  alarm_is_cleared: entry(
    409,
    'A cleared alarm was to be given another state or severity.',
    'Post the alarm anew under the same sourceSystemId and externalAlarmId: it is raised again.',
  ),
  alarm_is_active: entry(
    409,
    'An alarm was to be deleted that is not cleared.',
    'Clear it first, if it is yours; an alarm of a poll is cleared by its resource.',
  ),
  alarm_exists: entry(
    409,
    'An alarm was posted under a name that its source has given to another that is not cleared.',
    'Change that one with PATCH (detail.alarm), or post the new one under another externalAlarmId.',
  ),
  listener_not_allowed: entry(
    403,
    'A system asked to be told alarms at an address that is not among those allowed.',
    'An administrator names it in collector.northbound.listeners; nothing else is ever asked from here.',
  ),
  // collector/services
  feed_unavailable: entry(
    503,
    'The bridge gives no feed of its services.',
    'Check that it runs, collector.bridge_url and WEIR_BRIDGE_TOKEN; the last copy stays, and is shown as stale after five minutes.',
  ),
  feed_unreadable: entry(
    502,
    'What answers as the feed of the bridge cannot be used; detail.what says why.',
    'Check that collector.bridge_url leads to a bridge of this release; the last copy stays.',
  ),
  feed_older: entry(
    502,
    'The bridge gives an older version of its contracts than is mirrored.',
    'A bridge whose database was restored: empty services.mirror and restart the collector, if that is what it shall show. The last copy stays.',
  ),
  // collector/kpi
  kpi_invalid: entry(
    400,
    'The formula of a KPI cannot be read.',
    'detail.column and detail.expected say where and what; docs/kpis.md has the language.',
  ),
  rules_test_busy: entry(
    409,
    'Rules are being tested already: one test at a time.',
    'Ask again when the other test has ended, in a few minutes at most.',
  ),
  kpi_busy: entry(
    503,
    'As many KPIs as may wait are being computed.',
    'Ask again in a moment; reports of past periods are kept for ten minutes.',
  ),
  kpi_too_large: entry(
    400,
    'A KPI was asked for over more resources and time than one answer may read.',
    'Ask for a shorter span or fewer resources; detail has the bounds.',
  ),
  service_level_too_large: entry(
    400,
    'Service levels were asked for of more ports and time than one answer may read.',
    'Ask for a shorter span, for one service, or for a smaller page; detail has the bound.',
  ),
  // collector: maintenance, tell
  maintenance_window_changed: entry(
    409,
    'A maintenance window was changed meanwhile.',
    'Read it again and repeat the change with the version that it has now.',
  ),
  channel_refused: entry(
    502,
    'A channel did not take a message: surely nobody was told by it.',
    'See what the receiver says, and the address and secrets of the channel; it is tried again, and /api/v1/messages has it with the reason.',
  ),
  channel_unsure: entry(
    502,
    'A channel failed in the middle of a message: somebody may have been told.',
    'It is tried again under the same key, by which a receiver knows it; see what the receiver says.',
  ),
} as const;
