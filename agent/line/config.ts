// Thin lines in the configuration: what stands behind one is asked no faster, no more at once and for no larger answers than is said here.
import { z } from 'zod';
import { nameSchema } from '../../common/runtime/device-configuration.ts';

/** RFC 3417 §3.2.1: every SNMP entity takes messages of this size. */
const LEAST_ANSWER_BYTES = 484;
const MOST_ANSWER_BYTES = 65_507;
/** The aim of everything that stands behind no thin line (agent/snmp/walk-sizing.ts). */
const USUAL_ANSWER_BYTES = 1400;
const MOST_LINES = 1000;
const MOST_TIMEOUT_MS = 60_000;
/** A line without a longest wait of its own: so many times the agent's. */
const PATIENCE = 5;

const line = z.strictObject({
  /** Default: the site that is called like the line, where no devices are named. */
  sites: z.array(z.string().min(1).max(100)).max(1000).optional(),
  /** By name, whatever their site. */
  devices: z.array(nameSchema).max(20_000).optional(),
  requests_per_second: z.number().min(0.1).max(100_000).optional(),
  /** Requests that wait for an answer at once: a device has one, so it is also how many devices are polled at once. */
  in_flight: z.number().int().min(1).max(10_000).optional(),
  answer_bytes: z.number().int().min(LEAST_ANSWER_BYTES).max(MOST_ANSWER_BYTES).default(USUAL_ANSWER_BYTES),
  timeout_ms: z.number().int().min(50).max(MOST_TIMEOUT_MS).optional(),
});

export const linesSchema = z
  .record(nameSchema, line)
  .default({})
  .superRefine((lines, context) => {
    const tell = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (Object.keys(lines).length > MOST_LINES) tell([], `expected at most ${MOST_LINES} lines`);
    const taken = new Map<string, string>();
    for (const [name, entry] of Object.entries(lines)) {
      for (const [key, carried] of [
        ['sites', sitesOf(name, entry)] as const,
        ['devices', entry.devices ?? []] as const,
      ])
        for (const [at, one] of carried.entries()) {
          const other = taken.get(`${key} ${one}`);
          if (other !== undefined) tell([name, key, at], `${one} is behind the line ${other} already`);
          taken.set(`${key} ${one}`, name);
        }
    }
  });

export interface LineConfig {
  readonly name: string;
  readonly sites: readonly string[];
  readonly devices: readonly string[];
  /** Null: as many as there are. */
  readonly requestsPerSecond: number | null;
  /** Null: no bound of its own. */
  readonly inFlight: number | null;
  /** An answer is aimed at this size. */
  readonly answerBytes: number;
  /** A request waits for its answer up to this, where the measured round trip asks for it. */
  readonly timeoutMs: number;
}

/** `timeoutMs`: of the agent. */
export function lineConfigs(lines: z.output<typeof linesSchema>, timeoutMs: number): LineConfig[] {
  return Object.entries(lines).map(([name, entry]) => ({
    name,
    sites: sitesOf(name, entry),
    devices: entry.devices ?? [],
    requestsPerSecond: entry.requests_per_second ?? null,
    // A device whose answers take a second fills one place with one request a second: more places would only wait for each other.
    inFlight:
      entry.in_flight ?? (entry.requests_per_second === undefined ? null : Math.ceil(entry.requests_per_second)),
    answerBytes: entry.answer_bytes,
    timeoutMs: Math.max(timeoutMs, entry.timeout_ms ?? Math.min(MOST_TIMEOUT_MS, PATIENCE * timeoutMs)),
  }));
}

/** Says behind which line a device stands; null for none. Its name counts before its site. */
export function lineFinder(
  lines: readonly LineConfig[],
): (device: { readonly name: string; readonly site?: string | undefined }) => string | null {
  const byDevice = new Map(lines.flatMap(({ name, devices }) => devices.map((device) => [device, name] as const)));
  const bySite = new Map(lines.flatMap(({ name, sites }) => sites.map((site) => [site, name] as const)));
  return ({ name, site }) => byDevice.get(name) ?? (site === undefined ? null : (bySite.get(site) ?? null));
}

function sitesOf(name: string, entry: z.output<typeof line>): readonly string[] {
  return entry.sites ?? (entry.devices === undefined ? [name] : []);
}
