// How a poll went and why: for a person after the tables of `weir poll --explain`, and as the object `explain` of its JSON.
import type { TableExplanation, VisitExplanation } from '../../agent/poll/explanation.ts';
import { printable, printTable } from '../text-table.ts';

const REASONS: Readonly<Record<string, string>> = {
  frame: 'fills a frame',
  line: 'as large as its line takes',
  rows: 'as many as are expected',
  silence: 'silent on more',
  too_big: 'tooBig on more',
};

/** Times in milliseconds, sizes in bytes; absent is null. */
export function explainDocument(explanation: VisitExplanation): Readonly<Record<string, unknown>> {
  const { session, profile } = explanation;
  const trip = session?.roundTrip ?? null;
  return {
    requests: explanation.requests,
    retries: explanation.retries,
    sent_bytes: explanation.sentBytes,
    received_bytes: explanation.receivedBytes,
    duration_ms: explanation.durationMs,
    round_trip_ms: trip === null ? null : { p50: trip.p50Ms, p95: trip.p95Ms, max: trip.maxMs },
    timeout_ms: session?.timeoutMs ?? null,
    line: lineDocument(explanation),
    asked_at: session?.askedAt ?? null,
    reply_address: session?.replyAddress ?? null,
    clock_skew_ms: explanation.clockSkewMs,
    trusts_if_table_last_change: explanation.trustsTableLastChange,
    profile: profile === null ? null : { name: profile.name, sysObjectID: profile.sysObjectId, why: profile.why },
    tables: explanation.tables.map((table) => ({
      table: table.table,
      columns: table.columns,
      rows: table.rows,
      requests: table.requests,
      duration_ms: table.durationMs,
      complete: table.complete,
      failure: table.failure,
      repetitions: table.repetitions,
      reason: table.reason,
      bytes_per_row: table.bytesPerRow,
      expected_rows: table.expectedRows,
      ceiling: table.ceiling,
      columns_per_request: table.columnsPerRequest,
    })),
  };
}

function lineDocument({ session, pacedMs }: VisitExplanation): object | null {
  const line = session?.line ?? null;
  if (line === null) return null;
  return {
    name: line.name,
    requests_per_second: line.requestsPerSecond,
    in_flight: line.inFlight,
    answer_bytes: line.answerBytes,
    longest_timeout_ms: line.timeoutMs,
    waited_ms: pacedMs,
  };
}

/** In words; empty where there is none. */
function lineWords({ session, pacedMs }: VisitExplanation): string {
  const line = session?.line ?? null;
  if (line === null) return '';
  const rate = line.requestsPerSecond === null ? '' : `${line.requestsPerSecond} requests a second, `;
  return `${line.name}: ${rate}answers of ${line.answerBytes} bytes; waited ${pacedMs} ms for its turns`;
}

export function printExplanation(explanation: VisitExplanation, print: (line: string) => void): void {
  const { session, profile, clockSkewMs, trustsTableLastChange } = explanation;
  const trip = session?.roundTrip ?? null;
  const pairs: [string, string][] = [
    ['requests', `${explanation.requests}, ${explanation.retries} of them retries`],
    ['bytes', `${explanation.sentBytes} sent, ${explanation.receivedBytes} received`],
    ['round trip', trip === null ? '' : `${trip.p50Ms} ms p50, ${trip.p95Ms} ms p95, ${trip.maxMs} ms at most`],
    ['timeout', session === null ? '' : `${Math.round(session.timeoutMs)} ms, then it is asked again`],
    ['line', lineWords(explanation)],
    ['asked at', session?.askedAt ?? ''],
    ['answers from', session?.replyAddress ?? ''],
    ['profile', profile === null ? '' : `${profile.name}: ${profile.why}`],
    ['clock', clockSkewMs === null ? 'not told, or without its time zone' : skew(clockSkewMs)],
    ['changes', trustsTableLastChange ? '' : 'ifTableLastChange is renewed without a change; names are compared'],
  ];
  print('');
  print('How it went');
  for (const [name, value] of pairs) if (value !== '') print(`  ${name.padEnd(14)}${printable(value)}`);
  const heads = ['table', 'rows', 'requests', 'ms', 'asked for', 'because', 'row bytes', 'cut short by'];
  printTable(print, 'Tables read', heads, explanation.tables.map(tableRow));
}

/** What was asked for: rows times columns. */
function tableRow(table: TableExplanation): string[] {
  const columns = Math.min(table.columns, table.columnsPerRequest ?? table.columns);
  return [
    printable(table.table),
    String(table.rows),
    String(table.requests),
    String(table.durationMs),
    `${table.repetitions} × ${columns}`,
    REASONS[table.reason] ?? table.reason,
    String(table.bytesPerRow),
    table.failure ?? '',
  ];
}

/** A device that tells whole seconds is behind by up to one by that alone, and by half a round trip that was slower one way. */
const MOST_BEHIND_MS = 1500;
const MOST_AHEAD_MS = 1000;

function skew(ms: number): string {
  if (ms > -MOST_BEHIND_MS && ms < MOST_AHEAD_MS) return 'within a second of ours';
  return `${Math.round(Math.abs(ms) / 100) / 10} s ${ms > 0 ? 'ahead of' : 'behind'} ours`;
}
