// A rating run once more, from all that was stored when it ran: the same bits, whatever came since. Writes nothing.
import type { Database } from '../../common/database/database.ts';
import type { DurationMs } from '../../common/model/time.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import type { ContractBook } from '../account/contract-book.ts';
import type { StoredReadings, UsageReader } from '../mediate/usage.ts';
import { type Charge, CHARGE_COLUMNS, chargeOf, type ChargeRow } from './charge-store.ts';
import type { ReadPairs } from './poll-pairs.ts';
import { MeterIndex } from './rating-input.ts';
import { chargeFor, pairsFor, withEvidence, workOf } from './price-window.ts';

export interface RepeatDeps {
  readonly database: Database;
  readonly usage: UsageReader;
  /** Of the contracts up to a serial. */
  readonly book: (serial?: bigint) => Promise<ContractBook>;
  readonly pairs?: ReadPairs | undefined;
}

export interface RepeatedRun {
  readonly run: bigint;
  /** The clocks of what was stored: usage records and versions of contracts up to these. */
  readonly usageSerial: bigint;
  readonly contractSerial: bigint;
  readonly charges: number;
  readonly differences: readonly RepeatDifference[];
}

export interface RepeatDifference {
  readonly charge: bigint;
  readonly field: string;
  readonly expected: string;
  readonly found: string;
  /** Where it is known why; null where it is not. */
  readonly cause: string | null;
}

const OF_BEFORE =
  'the run is of before it was kept which readings its pairs of polls came from: late ones are among them now';

const CHARGES_AT_ONCE = 200;
const FIELDS = [
  'plan',
  'planVersion',
  'currency',
  'quantity',
  'unit',
  'amount',
  'usageRecords',
  'inputDigest',
] as const;

/** Throws not_found where there was no such run, or where it ran before its clocks were kept. */
export async function repeatRun(deps: RepeatDeps, bucketMs: DurationMs, run: bigint): Promise<RepeatedRun> {
  const clocks = await clocksOf(deps.database, run);
  const { usageSerial, contractSerial } = clocks;
  const book = await deps.book(contractSerial);
  const all = await deps.usage.allMeters();
  const differences: RepeatDifference[] = [];
  let [charges, after] = [0, 0n];
  for (;;) {
    const page = await chargesOf(deps.database, run, after);
    const last = page.at(-1);
    if (last === undefined) return { run, usageSerial, contractSerial, charges, differences };
    for (const charge of page) {
      // A meter that came later is none of it.
      const known = metersOf(charge);
      const index = new MeterIndex(all.filter(({ id }) => known.has(id)));
      differences.push(...(await repeatCharge(deps, book, index, bucketMs, charge, clocks)));
    }
    charges += page.length;
    after = last.id;
  }
}

async function repeatCharge(
  deps: RepeatDeps,
  book: ContractBook,
  index: MeterIndex,
  bucketMs: DurationMs,
  charge: Charge,
  clocks: Clocks,
): Promise<RepeatDifference[]> {
  const { service, item, windowStartMs: startMs, windowEndMs: endMs } = charge;
  const contract = workOf({ service, item, startMs, endMs }, book, index);
  const [work = null] = contract === null ? [] : await withEvidence(deps.database, [contract], levelVersionOf(charge));
  const ranksPairs = work?.item.price.kind === 'percentile' && work.item.price.samples === 'poll_pair';
  const cause = ranksPairs && clocks.readings === null ? OF_BEFORE : null;
  const differs = (field: string, expected: string, found: string): RepeatDifference[] =>
    expected === found ? [] : [{ charge: charge.id, field, expected, found, cause }];
  if (work === null) return differs('contract', 'a contract', 'none');
  const meters = [...new Set(work.meters.map(({ meter }) => meter))];
  const usage = await deps.usage.columns(meters, startMs, endMs, clocks.usageSerial);
  const pairs = await pairsFor(work, deps.pairs, clocks.readings);
  const again = chargeFor(work, book, usage, bucketMs, pairs).charge;
  return [
    ...FIELDS.flatMap((field) => differs(field, String(charge[field]), String(again[field]))),
    ...differs('working', canonical(charge.working), canonical(again.working)),
    ...differs('evidence', canonical(charge.evidence), canonical(again.evidence)),
  ];
}

/** The version of the outages that a credit rests on. */
function levelVersionOf({ evidence }: Charge): number | null {
  const level: unknown =
    typeof evidence === 'object' && evidence !== null && 'serviceLevel' in evidence ? evidence.serviceLevel : null;
  const version: unknown = typeof level === 'object' && level !== null && 'version' in level ? level.version : null;
  return typeof version === 'number' ? version : null;
}

/** The database keeps documents with their keys in its own order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}

function metersOf({ evidence }: Charge): Set<number> {
  const listed: unknown =
    typeof evidence === 'object' && evidence !== null && 'meters' in evidence ? evidence.meters : null;
  const spans: readonly unknown[] = Array.isArray(listed) ? listed : [];
  return new Set(
    spans.flatMap((span) => {
      const id: unknown = Array.isArray(span) ? span[0] : null;
      return typeof id === 'number' ? [id] : [];
    }),
  );
}

interface Clocks {
  readonly usageSerial: bigint;
  readonly contractSerial: bigint;
  /** Null where the run kept none. */
  readonly readings: StoredReadings | null;
}

async function clocksOf(database: Database, run: bigint): Promise<Clocks> {
  const { rows } = await database.query<{
    usage_serial: bigint | null;
    contract_serial: bigint | null;
    readings: StoredReadings | null;
  }>('select usage_serial, contract_serial, readings from billing.rating_run where id = $1', [run]);
  const { usage_serial: usageSerial = null, contract_serial: contractSerial = null, readings = null } = rows[0] ?? {};
  if (usageSerial !== null && contractSerial !== null) return { usageSerial, contractSerial, readings };
  throw new WeirError('not_found', `There is no rating run ${run} that can be repeated.`, { run: run.toString() });
}

async function chargesOf(database: Database, run: bigint, after: bigint): Promise<Charge[]> {
  const { rows } = await database.query<ChargeRow>(
    `select ${CHARGE_COLUMNS} from billing.charge where run = $1 and id > $2 order by id limit $3`,
    [run, after, CHARGES_AT_ONCE],
  );
  return rows.map(chargeOf);
}
