// How busy processors are, and how full memory and file systems: shares in percent against two levels.
import type { Table } from '../../common/model/poll.ts';
import { cleanKey, cleanText, numbersOf, textsOf } from '../../common/model/table-columns.ts';
import type { FaultRules } from './fault-rules.ts';
import { end, heldOf, isQuiet, judgePart, type PartKey } from './part-level.ts';
import type { Round } from './round.ts';
import { fitsOne } from './rule-fields.ts';

type UsageRule = FaultRules['storageFull'];

/** From so many on it is their mean that counts: of a server with many cores one is always busy. */
const MANY_PROCESSORS = 9;

/** Gives the resources of the table whose alarms may stand. */
export function judgeProcessors(round: Round, table: Table): ReadonlySet<string> {
  const { memory, rules } = round;
  const shares = numbersOf(table, 'usagePercent');
  const key: PartKey = { resource: memory.device, alarmType: 'high-processor-usage', qualifier: '' };
  const known = [...(shares ?? [])].filter((share) => Number.isFinite(share));
  if (table.index.length < MANY_PROCESSORS) {
    if (!isQuiet(round)) end(round, key, `The processors of ${memory.device} are told one by one.`);
    return judgeShares(round, table, 'high-processor-usage', (row) => shares?.[row] ?? Number.NaN);
  }
  if (table.complete && known.length > 0) {
    const mean = known.reduce((sum, share) => sum + share, 0) / known.length;
    judgeShare(round, key, rules.highProcessorUsage, `${known.length} processors of ${memory.device}`, mean);
  }
  return new Set();
}

/** Of memory and file systems. */
export function judgeSizes(round: Round, table: Table): ReadonlySet<string> {
  const totals = numbersOf(table, 'totalBytes');
  const used = numbersOf(table, 'usedBytes');
  const shares = numbersOf(table, 'usedPercent');
  const alarmType = table.name === 'memory' ? 'high-memory-usage' : 'storage-full';
  return judgeShares(round, table, alarmType, (row) => {
    const share = shares?.[row] ?? Number.NaN;
    if (Number.isFinite(share)) return share;
    const total = totals?.[row] ?? Number.NaN;
    return total > 0 ? ((used?.[row] ?? Number.NaN) * 100) / total : Number.NaN;
  });
}

function judgeShares(
  round: Round,
  table: Table,
  alarmType: 'high-processor-usage' | 'high-memory-usage' | 'storage-full',
  shareOf: (row: number) => number,
): ReadonlySet<string> {
  const { memory, rules } = round;
  const rule = {
    'high-processor-usage': rules.highProcessorUsage,
    'high-memory-usage': rules.highMemoryUsage,
    'storage-full': rules.storageFull,
  }[alarmType];
  const descriptions = textsOf(table, 'description');
  const present = new Set<string>();
  for (const [row, index] of table.index.entries()) {
    const resource = `${memory.device}/${table.name}:${cleanKey(index)}`;
    present.add(resource);
    const share = shareOf(row);
    if (isQuiet(round) && !(share >= rule.raisePercent)) continue;
    const key: PartKey = { resource, alarmType, qualifier: '' };
    const description = cleanText(descriptions?.[row] ?? '').trim() || `${table.name} ${cleanText(index)}`;
    const name = `${description} of ${memory.device}`;
    if (fitsOne(rule.ignore, description)) end(round, key, `${name} is not watched.`);
    else judgeShare(round, key, rule, name, share);
  }
  return present;
}

function judgeShare(round: Round, key: PartKey, rule: UsageRule, name: string, share: number): void {
  const held = heldOf(round, key) !== undefined;
  const clearBelow = held ? rule.clearPercent : rule.raisePercent;
  const severity = share >= rule.raisePercent ? rule.severity : share < clearBelow ? null : undefined;
  const text = `${name}: ${share.toFixed(1)} % used, ${severity === null ? `below ${rule.clearPercent}` : `${rule.raisePercent} raises`}.`;
  const threshold = {
    indicator: INDICATORS[key.alarmType] ?? '',
    unit: '%',
    observed: share,
    raiseAt: rule.raisePercent,
    clearBelow: rule.clearPercent,
  };
  judgePart(round, key, rule, { severity, text, threshold });
}

const INDICATORS: Readonly<Record<string, string>> = {
  'high-processor-usage': 'processor_usage_percent',
  'high-memory-usage': 'memory_used_percent',
  'storage-full': 'storage_used_percent',
};
