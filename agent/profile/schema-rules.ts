// The kinds of rules of a profile file and the fields of each.
import { z } from 'zod';
import { SENSOR_UNITS, STATES } from './sensor-classes.ts';
import { conditions, lookup, name, numberExpression, object, textExpression } from './schema-values.ts';

const ruleBase = {
  name,
  /** Walked side by side; they share their index. */
  columns: z.record(name, object).default({}),
  /** With their instance (`.0`). A rule without columns has one row. */
  scalars: z.record(name, object).default({}),
  lookups: z.record(name, lookup).default({}),
  where: conditions.default({}),
};

const tableRuleBase = {
  ...ruleBase,
  /** The index stands alone instead of behind the rule's name; for the one standard rule of a table. */
  bare_index: z.boolean().default(false),
  /** Only where no rule before it found anything of this kind. */
  fallback: z.boolean().default(false),
};

const systemRule = z.strictObject({
  ...ruleBase,
  /** After all others, those that are inherited too. */
  fallback: z.boolean().default(false),
  vendor: textExpression.optional(),
  model: textExpression.optional(),
  os: textExpression.optional(),
  version: textExpression.optional(),
  serial: textExpression.optional(),
});

const processorRule = z.strictObject({
  ...tableRuleBase,
  description: textExpression,
  usage_percent: numberExpression,
});

const sizes = {
  total_bytes: numberExpression.optional(),
  used_bytes: numberExpression.optional(),
  free_bytes: numberExpression.optional(),
  used_percent: numberExpression.optional(),
};
const memoryRule = z.strictObject({ ...tableRuleBase, description: textExpression, ...sizes });
const storageRule = z.strictObject({ ...tableRuleBase, description: textExpression, ...sizes });

/** Every text that the expression can give, but for templates with cells, must be one of the list. */
function oneOf(allowed: readonly string[]) {
  return textExpression.superRefine((steps, context) => {
    for (const step of steps) {
      const literals = typeof step === 'string' ? [step] : Object.values(step.map ?? { text: step.text ?? '{}' });
      for (const literal of literals) {
        if (literal.includes('{') || allowed.includes(literal)) continue;
        context.addIssue({ code: 'custom', message: `expected one of ${allowed.join(', ')}, not ${literal}` });
      }
    }
  });
}

const readingFields = {
  class: oneOf(Object.keys(SENSOR_UNITS)).optional(),
  /** Default: the unit of the class. */
  unit: textExpression.optional(),
  description: textExpression.optional(),
  value: numberExpression.optional(),
  /** What the value means for alarms: ok, warning, critical, unknown. */
  state: oneOf(STATES).optional(),
  low_limit: numberExpression.optional(),
  low_warning: numberExpression.optional(),
  high_warning: numberExpression.optional(),
  high_limit: numberExpression.optional(),
};
const reading = z.strictObject({ name, where: conditions.default({}), ...readingFields });
const sensorRule = z
  .strictObject({
    ...tableRuleBase,
    ...readingFields,
    /** Several values of one row; what a reading does not say, the rule says. */
    readings: z.array(reading).default([]),
  })
  .superRefine((rule, context) => {
    const whole: readonly { readonly [field: string]: unknown }[] = rule.readings.length === 0 ? [{}] : rule.readings;
    const names = rule.readings.map((one) => one.name);
    for (const [at, one] of names.entries()) {
      if (names.indexOf(one) === at) continue;
      context.addIssue({ code: 'custom', path: ['readings', at, 'name'], message: `another reading is called ${one}` });
    }
    for (const [at, one] of whole.entries()) {
      for (const field of ['class', 'description', 'value'] as const) {
        if (one[field] !== undefined || rule[field] !== undefined) continue;
        const path = rule.readings.length === 0 ? [] : ['readings', at];
        context.addIssue({ code: 'custom', path, message: `expected ${field}` });
      }
    }
  });

const neighbourRule = z.strictObject({
  ...tableRuleBase,
  /** Tried in turn against names, descriptions, addresses and `#ifIndex` of the device's interfaces. */
  local_interface: textExpression,
  remote_device: textExpression,
  remote_port: textExpression,
  protocol: textExpression,
  /** half, full: what the other end says that it runs with. */
  remote_duplex: textExpression.optional(),
  /** VLAN of frames without a tag, as the other end says, and as this end is set up. */
  remote_vlan: numberExpression.optional(),
  local_vlan: numberExpression.optional(),
});

const bgpPeerRule = z.strictObject({
  ...tableRuleBase,
  remote_address: textExpression,
  local_address: textExpression.optional(),
  remote_as: numberExpression,
  local_as: numberExpression.optional(),
  /** idle, connect, active, opensent, openconfirm, established */
  state: textExpression,
  /** start, stop */
  admin_status: textExpression.optional(),
  established_seconds: numberExpression.optional(),
});

const outletRule = z.strictObject({
  ...tableRuleBase,
  description: textExpression,
  /** on, off, … */
  state: textExpression.optional(),
  current_amperes: numberExpression.optional(),
  voltage_volts: numberExpression.optional(),
  power_watts: numberExpression.optional(),
  energy_watt_hours: numberExpression.optional(),
});

const entityRule = z.strictObject({
  ...tableRuleBase,
  class: textExpression,
  description: textExpression.optional(),
  part_name: textExpression.optional(),
  model: textExpression.optional(),
  serial: textExpression.optional(),
  hardware: textExpression.optional(),
  firmware: textExpression.optional(),
  software: textExpression.optional(),
  contained_in: textExpression.optional(),
});

/** The lists of rules that a profile may have. */
export const ruleLists = {
  system: z.array(systemRule).default([]),
  processor: z.array(processorRule).default([]),
  memory: z.array(memoryRule).default([]),
  sensor: z.array(sensorRule).default([]),
  neighbour: z.array(neighbourRule).default([]),
  storage: z.array(storageRule).default([]),
  bgp_peer: z.array(bgpPeerRule).default([]),
  outlet: z.array(outletRule).default([]),
  entity: z.array(entityRule).default([]),
};

export type SystemRule = z.output<typeof systemRule>;
export type ProcessorRule = z.output<typeof processorRule>;
export type MemoryRule = z.output<typeof memoryRule>;
export type StorageRule = z.output<typeof storageRule>;
export type SensorRule = z.output<typeof sensorRule>;
export type SensorReading = z.output<typeof reading>;
export type NeighbourRule = z.output<typeof neighbourRule>;
export type BgpPeerRule = z.output<typeof bgpPeerRule>;
export type OutletRule = z.output<typeof outletRule>;
export type EntityRule = z.output<typeof entityRule>;
/** What every rule has. */
export type Rule = Pick<SystemRule, 'name' | 'columns' | 'scalars' | 'lookups' | 'where'>;
export type TableRule = Pick<ProcessorRule, keyof Rule | 'bare_index' | 'fallback'>;
