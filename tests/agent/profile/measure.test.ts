// How much of what LibreNMS found on real devices our profiles find, from recordings answered inside the process. One device: -t NAME.
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadProfiles } from '../../../agent/profile/catalogue.ts';
import { ASPECTS, type Findings } from '../../support/findings.ts';
import { FindingsReport } from '../../support/findings-report.ts';
import { recordingsOf } from '../../support/recording.ts';
import { visitsOf } from '../../support/recorded-device.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';

/** Lines of each aspect that are printed where one device was asked for. */
const MOST_LINES = Number(process.env['WEIR_MEASURE_LINES'] ?? 12);

/** Tables and GETs of a poll that reads everything that moves, after the first. */
const MOST_TABLES = 24;

describeWith('corpus', 'recordings of real devices, answered in the process', () => {
  const recordings = recordingsOf('recordings');
  const catalogue = loadProfiles('config/profiles');
  const report = new FindingsReport();
  let last: { readonly requests: number; readonly again: number; readonly findings: Findings } | null = null;

  test.each(recordings)('$name', async (recording) => {
    const file = path.join(CORPUS, 'recordings', `${recording.name}.snmprec`);
    const [poll, next] = await visitsOf(file, catalogue, 2);
    if (poll === undefined || next === undefined) throw new Error('no poll');
    expect([poll.outcome, poll.failure]).toEqual(['complete', null]);
    for (const table of poll.tables) expect(new Set(table.index).size).toBe(table.index.length);
    last = { requests: poll.requests, again: next.requests, findings: report.add(recording, poll) };
    // Only what it has is asked for again, and each table once.
    expect(next.requests).toBeLessThanOrEqual(MOST_TABLES);
  });

  test('all of them: no less than has been reached', () => {
    expect(report.recordings).toBe(recordings.length);
    expect(report.belowFloor()).toEqual([]);
  });

  afterAll(() => {
    const lines = report.lines();
    if (report.recordings === 1 && last !== null) {
      const { requests, again, findings } = last;
      lines.push(`  tables and GETs: ${requests} in the first poll, ${again} in the next`);
      for (const aspect of ASPECTS) {
        lines.push(...findings[aspect].missing.slice(0, MOST_LINES).map((line) => `  ${aspect} missing: ${line}`));
        lines.push(...findings[aspect].more.slice(0, MOST_LINES).map((line) => `  ${aspect} more:    ${line}`));
      }
    }
    process.stdout.write(`${lines.join('\n')}\n`);
  });
});
