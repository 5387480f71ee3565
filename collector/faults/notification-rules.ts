// What notifications (traps, informs) mean for alarms, as data: which raises a condition, what ends it, and what it is about.
import { z } from 'zod';
import { durationMs, enabled, severity } from './rule-fields.ts';

/** As config/traps names it, or a dotted OID. */
const name = z.string().min(1).max(200);

const conditionSchema = z.strictObject({
  /** Stands in the qualifier of the alarm. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}$/, 'expected lower-case letters, digits and "-"'),
  enabled,
  raised_by: z.array(name).min(1).max(100),
  cleared_by: z.array(name).max(100).default([]),
  severity: severity('warning'),
  /** The device, or the interface that the notification names, where it names one. */
  resource: z.enum(['device', 'interface']).default('device'),
  /** An object whose value tells one condition from another of the same device. */
  told_apart_by: name.optional(),
  text: z.string().min(1).max(200),
  /** After so long it ends by itself; a condition that nothing clears needs it. */
  clear_after_ms: durationMs(3_600_000),
});

export type ConditionConfiguration = z.output<typeof conditionSchema>;
type Given = z.input<typeof conditionSchema>;

const DAY_MS = 86_400_000;

/** What is understood without being told; a condition of the same name in the configuration takes the place of one. */
const USUAL: readonly Given[] = [
  {
    name: 'on-battery',
    raised_by: ['upsTrapOnBattery', 'upsOnBattery', 'xupstdOnBattery'],
    cleared_by: ['powerRestored', 'xupstdUtilityPowerRestored'],
    severity: 'major',
    text: 'runs on battery',
    clear_after_ms: DAY_MS,
  },
  {
    name: 'battery-low',
    raised_by: ['lowBattery', 'xupstdLowBattery', 'upsDischarged', 'xupstdBatteryDischarged'],
    cleared_by: ['returnFromLowBattery', 'xupstdReturnFromLowBattery', 'dischargeCleared'],
    severity: 'critical',
    text: 'has a battery that is nearly empty',
    clear_after_ms: DAY_MS,
  },
  {
    name: 'battery-worn',
    raised_by: ['upsBatteryNeedsReplacement'],
    cleared_by: ['upsBatteryReplaced'],
    severity: 'minor',
    text: 'has a battery that needs replacement',
    clear_after_ms: 30 * DAY_MS,
  },
  {
    name: 'power-supply',
    raised_by: ['jnxPowerSupplyFailure'],
    cleared_by: ['jnxPowerSupplyOK'],
    severity: 'major',
    told_apart_by: 'jnxContentsDescr',
    text: 'says that a power supply has failed',
    clear_after_ms: DAY_MS,
  },
  {
    name: 'fan',
    raised_by: ['jnxFanFailure'],
    cleared_by: ['jnxFanOK'],
    severity: 'major',
    told_apart_by: 'jnxContentsDescr',
    text: 'says that a fan has failed',
    clear_after_ms: DAY_MS,
  },
  {
    name: 'over-temperature',
    raised_by: ['jnxOverTemperature'],
    cleared_by: ['jnxTemperatureOK'],
    severity: 'critical',
    told_apart_by: 'jnxContentsDescr',
    text: 'says that it is too hot',
    clear_after_ms: DAY_MS,
  },
  {
    name: 'error-disabled',
    raised_by: ['cErrDisableInterfaceEvent', 'cErrDisableInterfaceEventRev1'],
    severity: 'major',
    resource: 'interface',
    text: 'has disabled an interface because of an error',
  },
  {
    name: 'stack-mismatch',
    raised_by: ['cswStackMismatch'],
    severity: 'major',
    text: 'says that its stack does not fit together',
  },
  {
    name: 'bfd-down',
    raised_by: ['ciscoBfdSessDown'],
    cleared_by: ['ciscoBfdSessUp'],
    severity: 'major',
    text: 'has lost a BFD session',
  },
  {
    name: 'authentication-failure',
    raised_by: ['authenticationFailure'],
    severity: 'warning',
    text: 'was asked with a wrong community or user',
    clear_after_ms: 900_000,
  },
];

export const notificationsSchema = z
  .strictObject({
    enabled,
    /** Status of an interface; the next poll confirms or refutes it. */
    link_down: z.array(name).max(100).default(['linkDown', 'cieLinkDown']),
    link_up: z.array(name).max(100).default(['linkUp', 'cieLinkUp']),
    conditions: z.array(conditionSchema).max(500).default([]),
  })
  .transform((given) => {
    const own = new Set(given.conditions.map((condition) => condition.name));
    const usual = USUAL.map((condition) => conditionSchema.parse(condition)).filter(
      (condition) => !own.has(condition.name),
    );
    return { ...given, conditions: [...usual, ...given.conditions] };
  })
  .prefault({});
