// What the API answers of the sensors of an interface, as a schema.
import { z } from 'zod';

const text = z.string().nullable();
const number = z.number().nullable();

export const portSensorAnswer = z.object({
  key: z.string().describe('index in the table of sensors of the device'),
  class: text,
  description: text,
  unit: text,
  state: text.describe('ok, warning, critical, unknown: as it was at its last change'),
  lowLimit: number,
  lowWarning: number,
  highWarning: number,
  highLimit: number,
  metric: z.string().describe('what its series are asked by, with `resource`'),
  resource: z.string(),
  at: z.iso.datetime().nullable(),
  value: number.describe('the latest; null where that is older than a quarter of an hour'),
});
export type PortSensorAnswer = z.output<typeof portSensorAnswer>;
