// Polls devices of the configuration once, with its own credentials and past agent and collector, and holds their counters against what is stored.
import { pollOnce } from '../../agent/poll-once.ts';
import { compareFresh, type FreshComparison, type FreshCounter } from '../../billing-bridge/audit/fresh-poll.ts';
import type { Ledger } from '../../billing-bridge/ledger.ts';
import type { Meter } from '../../billing-bridge/mediate/usage.ts';
import type { EpochMs } from '../../common/model/time.ts';
import { messageOf } from '../../common/runtime/errors.ts';
import type { WholeConfiguration } from '../configuration.ts';
import { type Line, pollDocument } from '../poll/document.ts';

export interface FreshPolls {
  readonly compared: readonly FreshComparison[];
  /** Devices that could not be asked, and why. */
  readonly failed: readonly { readonly device: string; readonly problem: string }[];
}

/** Asks one device; throws where it does not answer. */
export type AskDevice = (device: string) => Promise<readonly FreshCounter[]>;

const AT_ONCE = 4;
const DAY_MS = 86_400_000;

export function askDevices(
  whole: WholeConfiguration,
  options: { readonly environment: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): AskDevice {
  return async (name) => {
    const device = whole.devices.find((one) => one.name === name);
    if (device === undefined) throw new Error('it is not in the configuration');
    const poll = await pollOnce({ agent: whole.agent, credentials: whole.credentials, devices: [device] }, options);
    if (poll.outcome === 'failed') throw new Error(poll.failure ?? 'it does not answer');
    const atMs = Math.round((poll.startedAtMs + poll.finishedAtMs) / 2);
    return pollDocument(poll).interfaces.flatMap((line) => countersOf(name, line, atMs));
  };
}

/** Every device that has a meter. */
export async function freshPolls(
  ledger: Ledger,
  bucketMs: number,
  ask: AskDevice,
  onDevice: (done: number, of: number) => void,
): Promise<FreshPolls> {
  const meters = await ledger.usage.allMeters();
  const devices = [...new Set(meters.map(({ device }) => device))];
  const compared: FreshComparison[] = [];
  const failed: { device: string; problem: string }[] = [];
  const waiting = [...devices];
  const worker = async (): Promise<void> => {
    for (let device = waiting.shift(); device !== undefined; device = waiting.shift()) {
      try {
        for (const fresh of await ask(device)) {
          const meter = meters.find((one) => isOf(one, fresh));
          if (meter !== undefined) compared.push(await comparisonOf(ledger, bucketMs, meter, fresh));
        }
      } catch (error) {
        failed.push({ device, problem: messageOf(error) });
      }
      onDevice(devices.length - waiting.length, devices.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { compared, failed };
}

async function comparisonOf(
  ledger: Ledger,
  bucketMs: number,
  meter: Meter,
  fresh: FreshCounter,
): Promise<FreshComparison> {
  const dayMs = Math.floor(fresh.atMs / DAY_MS) * DAY_MS;
  const today = await ledger.usage.latest([meter.id], dayMs, fresh.atMs);
  // An epoch is named by the time of its first reading: before it the counter was another.
  const epochMs = Number(today.at(-1)?.evidence.epoch ?? 0n);
  const fromMs = Math.max(dayMs, epochMs);
  const asked = { meter: meter.id, fromMs, toMs: fresh.atMs, withNeighbours: false, cursor: null, limit: 1 };
  const [reading] = (await ledger.readings.ofMeter(asked)).items;
  const first = reading === undefined ? null : { value: BigInt(reading.value), atMs: Date.parse(reading.observedAt) };
  const beginMs: EpochMs = first === null ? fromMs : Math.floor(first.atMs / bucketMs) * bucketMs;
  const records = today.filter(
    ({ bucketStartMs, evidence }) => bucketStartMs >= beginMs && Number(evidence.epoch) === epochMs,
  );
  return compareFresh(fresh, { first, records, bucketMs });
}

function countersOf(device: string, line: Line, atMs: EpochMs): FreshCounter[] {
  const { key } = line;
  if (typeof key !== 'string') return [];
  return (['in', 'out'] as const).flatMap((direction) => {
    const name = direction === 'in' ? 'In' : 'Out';
    const [wide, narrow] = [line[`ifHC${name}Octets`] ?? null, line[`if${name}Octets`] ?? null];
    const value = wide ?? narrow;
    if (value === null) return [];
    return [
      { device, interfaceKey: key, direction, value: BigInt(value), width: wide === null ? 32 : 64, atMs } as const,
    ];
  });
}

function isOf(meter: Meter, fresh: FreshCounter): boolean {
  const { device, interfaceKey, direction } = fresh;
  return meter.device === device && meter.interfaceKey === interfaceKey && meter.direction === direction;
}
