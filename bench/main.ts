// `npm run bench`: runs the parts asked for beside their peers and prints the rows.
import { messageOf, WeirError } from '../common/runtime/errors.ts';
import { agentPart } from './agent/agent-part.ts';
import { bridgePart } from './bridge/bridge-part.ts';
import { collectorPart } from './collector/collector-part.ts';
import { alarmsPart } from './faults/alarms-part.ts';
import { dayPart } from './faults/day-part.ts';
import { detectionPart } from './faults/detection-part.ts';
import { dashboardPart } from './dashboard/dashboard-part.ts';
import { footprintPart } from './footprint/footprint-part.ts';
import { Workshop } from './machine/workshop.ts';
import { benchOptions, type Part, USAGE } from './options.ts';
import type { RunPart } from './part.ts';
import { tableText } from './print.ts';
import { reportOf, type Row, rowOf } from './rows.ts';

const RUN: Readonly<Record<Part, RunPart>> = {
  agent: agentPart,
  collector: collectorPart,
  bridge: bridgePart,
  dashboard: dashboardPart,
  footprint: footprintPart,
  alarms: alarmsPart,
  day: dayPart,
  detection: detectionPart,
};

const EXIT_MISUSED = 2;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves with the exit code. */
export async function runBench(args: readonly string[], environment: Environment): Promise<number> {
  try {
    const options = benchOptions(args);
    if (options.help) {
      print(USAGE);
      return 0;
    }
    const { rows, failed } = await rowsOf(options.parts, environment);
    const report = reportOf(rows);
    print(options.json ? JSON.stringify(report) : tableText(report));
    return failed ? 1 : 0;
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'misused') throw error;
    process.stderr.write(`bench: ${error.message}\n${USAGE}\n`);
    return EXIT_MISUSED;
  }
}

/** Part after part, each in a workshop of its own; one that fails is a row, and the others go on. */
async function rowsOf(parts: readonly Part[], environment: Environment): Promise<{ rows: Row[]; failed: boolean }> {
  const rows: Row[] = [];
  let failed = false;
  for (const part of parts) {
    const workshop = new Workshop(environment);
    const ended = endOnSignal(workshop);
    try {
      rows.push(...(await RUN[part]({ workshop, tell })));
    } catch (error) {
      failed = true;
      const note = messageOf(error).split('\n')[0] ?? '';
      tell(`${part}: ${error instanceof Error ? (error.stack ?? note) : note}`);
      rows.push(rowOf({ what: `${part}: could not be measured`, weir: null, goal: { of: 'weir', least: 0 }, note }));
    } finally {
      ended();
      await workshop.close();
    }
  }
  return { rows, failed };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** On standard error, so that standard output holds the rows only. */
function tell(line: string): void {
  process.stderr.write(`bench  ${line}\n`);
}

/** A person's Ctrl-C leaves no process and no folder behind. */
function endOnSignal(workshop: Workshop): () => void {
  const end = (): void => void workshop.close().finally(() => process.exit(130));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return () => {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  };
}
