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
    const { device: told, interfaces } = pollDocument(poll);
    const uptime = numberOf(told['uptime_s']);
    const uptimeTicks = uptime === null ? null : Math.round(uptime * 100);
    return interfaces.flatMap((line) => countersOf(name, line, atMs, uptimeTicks));
  };
}

/** Every device that has a meter. */
export async function freshPolls(
  ledger: Ledger,
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
          if (meter !== undefined) compared.push(await comparisonOf(ledger, meter, fresh));
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

async function comparisonOf(ledger: Ledger, meter: Meter, fresh: FreshCounter): Promise<FreshComparison> {
  const seenMs = (await ledger.usage.lastSeen([meter.id])).get(meter.id);
  if (seenMs === undefined) return compareFresh(fresh, null);
  const asked = { meter: meter.id, fromMs: seenMs, toMs: seenMs + 1, withNeighbours: false, cursor: null, limit: 1 };
  const [reading] = (await ledger.readings.ofMeter(asked)).items;
  if (reading === undefined) return compareFresh(fresh, null);
  const { value, observedAt, speedBps, width, uptimeTicks, discontinuityTicks } = reading;
  return compareFresh(fresh, {
    value: BigInt(value),
    observedAtMs: Date.parse(observedAt),
    speedBps: speedBps === null ? null : BigInt(speedBps),
    width,
    uptimeTicks,
    discontinuityTicks,
  });
}

function countersOf(device: string, line: Line, atMs: EpochMs, uptimeTicks: number | null): FreshCounter[] {
  const { key } = line;
  if (typeof key !== 'string') return [];
  const speed = numberOf(line['ifSpeed_bps']);
  const port = {
    device,
    interfaceKey: key,
    atMs,
    uptimeTicks,
    discontinuityTicks: numberOf(line['ifCounterDiscontinuityTime']),
    speedBps: speed === null ? null : BigInt(Math.round(speed)),
  };
  return (['in', 'out'] as const).flatMap((direction) => {
    const name = direction === 'in' ? 'In' : 'Out';
    const [wide, narrow] = [line[`ifHC${name}Octets`] ?? null, line[`if${name}Octets`] ?? null];
    const value = wide ?? narrow;
    return value === null
      ? []
      : [{ ...port, direction, value: BigInt(value), width: wide === null ? 32 : 64 } as const];
  });
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function isOf(meter: Meter, fresh: FreshCounter): boolean {
  const { device, interfaceKey, direction } = fresh;
  return meter.device === device && meter.interfaceKey === interfaceKey && meter.direction === direction;
}
