// What notifications (traps, informs) mean for alarms, as data: which raises a condition, what ends it, and what it is about.
import { z } from 'zod';
import { durationMs, enabled, severity } from './rule-fields.ts';

/** As config/traps names it, or a dotted OID. */
const name = z.string().min(1).max(200);

/** Objects of the notification and the values that they must have, one of each. */
const values = z
  .record(
    name,
    z
      .array(z.union([z.string().max(200), z.number()]).transform(String))
      .min(1)
      .max(50),
  )
  .default({});

/** ITU-T X.733 and M.3100, as TMF642 spells it. */
const probableCause = z.string().regex(/^[a-z][A-Za-z]{2,60}$/, 'expected a probable cause such as powerProblem');

const SENSOR_TYPES: ReadonlySet<string> = new Set(['fan-failed', 'power-supply-failed', 'sensor-state']);

export const conditionSchema = z
  .strictObject({
    /** Stands in the qualifier of the alarm. */
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}$/, 'expected lower-case letters, digits and "-"'),
    enabled,
    raised_by: z.array(name).min(1).max(100),
    cleared_by: z.array(name).max(100).default([]),
    /** Where one notification tells both, or more than that. */
    raises_when: values,
    clears_when: values,
    alarm_type: z
      .enum(['notified-condition', 'fan-failed', 'power-supply-failed', 'sensor-state', 'bgp-peer-down'])
      .default('notified-condition'),
    severity: severity('warning'),
    /** Of the alarm instead of that of its type. */
    probable_cause: probableCause.optional(),
    /** The device, the interface that the notification names, where it names one, or the part that `index_of` names. */
    resource: z.enum(['device', 'interface', 'module', 'sensor', 'bgp-peer']).default('device'),
    /** An object whose index, or whose value where it has none, is that of the module (entPhysicalIndex), of the sensor or of the peer. */
    index_of: name.optional(),
    /** The rule of the profile by which polls read the same part: then it has one alarm, whoever tells it. */
    sensor: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9]{0,60}$/, 'expected the name of a rule under `sensor` of a profile')
      .optional(),
    /** An object whose value tells one condition from another of the same device. */
    told_apart_by: name.optional(),
    text: z.string().min(1).max(200),
    /** After so long it ends by itself; a condition that nothing clears needs it. Of a BGP peer the next poll knows. */
    clear_after_ms: durationMs(3_600_000),
  })
  .refine(
    ({ resource, index_of: index }) => ['module', 'sensor', 'bgp-peer'].includes(resource) === (index !== undefined),
    {
      path: ['index_of'],
      message: 'expected for a module, a sensor or a BGP peer, and only there',
    },
  )
  .refine(({ resource, sensor }) => (resource === 'sensor') === (sensor !== undefined), {
    path: ['sensor'],
    message: 'expected for a sensor, and only there',
  })
  .refine(({ resource, alarm_type: type }) => resource !== 'sensor' || SENSOR_TYPES.has(type), {
    path: ['alarm_type'],
    message: 'expected fan-failed, power-supply-failed or sensor-state for a sensor',
  })
  .refine(({ resource, alarm_type: type }) => (resource === 'bgp-peer') === (type === 'bgp-peer-down'), {
    path: ['resource'],
    message: 'expected bgp-peer for bgp-peer-down, and only there',
  });

export const notificationsSchema = z
  .strictObject({
    enabled,
    /** Status of an interface; the next poll confirms or refutes it. */
    link_down: z.array(name).max(100).default(['linkDown', 'cieLinkDown']),
    link_up: z.array(name).max(100).default(['linkUp', 'cieLinkUp']),
    /** Beside those that come with Weir (trap-rules.ts); one of the same name takes its place. */
    conditions: z.array(conditionSchema).max(500).default([]),
  })
  .prefault({});
